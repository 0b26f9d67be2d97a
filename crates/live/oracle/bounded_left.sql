SELECT o.id, p.payment, p.method FROM orders o LEFT JOIN payments p ON p.order_id = o.id AND p.paid_at BETWEEN o.ts - INTERVAL '1 minute' AND o.ts + INTERVAL '5 minutes'
