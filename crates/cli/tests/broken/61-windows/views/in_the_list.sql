SELECT tumble(ordered_at, INTERVAL '1 hour') AS hour, count(*) AS orders
FROM orders
GROUP BY 1
