SELECT date_bin(INTERVAL '1 minute', ts) AS minute, category, count(*) AS n, sum(price) AS revenue FROM orders
GROUP BY GROUPING SETS ((date_bin(INTERVAL '1 minute', ts), category), (date_bin(INTERVAL '1 minute', ts)))
