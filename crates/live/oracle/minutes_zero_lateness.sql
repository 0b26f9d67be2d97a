--! lateness = "0s"
SELECT date_bin(INTERVAL '1 minute', ts) AS minute, count(*) AS n FROM orders
GROUP BY date_bin(INTERVAL '1 minute', ts)
