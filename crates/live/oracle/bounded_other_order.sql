SELECT p.payment, o.id FROM payments p JOIN orders o ON o.id = p.order_id AND o.ts >= p.paid_at - INTERVAL '5 minutes' AND o.ts <= p.paid_at + INTERVAL '1 minute'
