--! state_limit = 100000
SELECT o.id, p.payment FROM orders o LEFT JOIN payments p ON p.order_id = o.id
