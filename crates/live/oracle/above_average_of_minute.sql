SELECT o.id, o.price FROM orders o JOIN (SELECT date_bin(INTERVAL '1 minute', ts) AS minute, avg(price) AS usual FROM orders
GROUP BY 1) m ON date_bin(INTERVAL '1 minute', o.ts) = m.minute AND o.price > 1.5 * m.usual
