SELECT coalesce(a.minute, b.minute) AS minute, a.n AS orders, b.n AS payments
FROM (SELECT date_bin(INTERVAL '1 minute', ts) AS minute, count(*) AS n FROM orders
GROUP BY 1) a FULL JOIN (SELECT date_bin(INTERVAL '1 minute', paid_at) AS minute, count(*) AS n FROM payments
GROUP BY 1) b ON a.minute = b.minute
