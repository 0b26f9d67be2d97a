--! state_limit = 100000
SELECT max(n) AS busiest, avg(n) AS usual, count(*) AS minutes
FROM (SELECT date_bin(INTERVAL '1 minute', ts) AS minute, count(*) AS n FROM orders
GROUP BY 1)
