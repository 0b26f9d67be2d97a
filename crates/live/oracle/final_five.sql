--! emit = "final"
--! closed = "five + INTERVAL '5 minutes' <= {W}"
SELECT date_bin(INTERVAL '5 minutes', minute) AS five, max(n) AS busiest, median(n) AS middle
FROM (SELECT date_bin(INTERVAL '1 minute', ts) AS minute, count(*) AS n FROM orders
GROUP BY 1)
GROUP BY 1
