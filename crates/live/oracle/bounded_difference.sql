SELECT o.id, p.payment FROM orders o JOIN payments p ON p.order_id = o.id AND p.paid_at - o.ts <= INTERVAL '4 minutes' AND p.paid_at >= o.ts
