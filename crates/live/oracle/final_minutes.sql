--! emit = "final"
--! closed = "minute + INTERVAL '1 minute' <= {W}"
SELECT date_bin(INTERVAL '1 minute', ts) AS minute, category, count(*) AS n, sum(price) AS revenue FROM orders
GROUP BY date_bin(INTERVAL '1 minute', ts), category
