--! lateness = "300s"
SELECT date_bin(INTERVAL '1 minute', ts) AS minute, sum(quantity) AS n FROM orders
GROUP BY date_bin(INTERVAL '1 minute', ts)
