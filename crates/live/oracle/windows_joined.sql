SELECT a.minute, a.n AS orders, b.n AS clicks
FROM (SELECT date_bin(INTERVAL '1 minute', ts) AS minute, count(*) AS n FROM orders
GROUP BY 1) a JOIN (SELECT date_bin(INTERVAL '1 minute', ts) AS minute, count(*) AS n FROM clicks
GROUP BY 1) b ON a.minute = b.minute
