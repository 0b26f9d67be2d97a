SELECT o.id, o.ts FROM orders o WHERE NOT EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.id AND p.paid_at BETWEEN o.ts - INTERVAL '1 minute' AND o.ts + INTERVAL '5 minutes')
