SELECT date_bin(INTERVAL '2 minutes', o.ts) AS two, p.method, sum(p.amount) AS money, count(*) AS n FROM orders o JOIN payments p ON p.order_id = o.id AND p.paid_at BETWEEN o.ts - INTERVAL '1 minute' AND o.ts + INTERVAL '5 minutes'
GROUP BY 1, 2
