--! emit = "final"
--! closed = "minute + INTERVAL '1 minute' <= {W}"
SELECT date_bin(INTERVAL '1 minute', ts) AS minute, median(price) AS middle FROM orders
GROUP BY date_bin(INTERVAL '1 minute', ts)
