SELECT o.id, o.category, p.payment FROM orders o RIGHT JOIN payments p ON p.order_id = o.id AND p.paid_at BETWEEN o.ts - INTERVAL '1 minute' AND o.ts + INTERVAL '5 minutes'
