--! description = "One of the customers of the highest lifetime value has ordered: time for somebody to look after the order."
--! severity = "info"
--! key = "order_id"
--! renotify = "5m"
--! resolve_after = "15m"
SELECT o.order_id, o.customer_id, o.ordered_at, m.lifetime_value
FROM orders o
JOIN customer_metrics m ON m.customer_id = o.customer_id
WHERE m.lifetime_value >= 10000
