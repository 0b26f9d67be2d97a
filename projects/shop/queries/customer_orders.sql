--! description = "What one customer ordered, the latest first: for a support desk or the customer's own page."
--! [params]
--! customer_id = { type = "text", description = "customer number" }
--! status = { type = "text", optional = true, description = "only orders of this status" }
--! limit = { type = "int", default = 50, description = "at most so many" }
SELECT order_id, ordered_at, status, lines, net, fulfilment_time
FROM order_metrics
WHERE customer_id = $customer_id AND ($status IS NULL OR status = $status)
ORDER BY ordered_at DESC, order_id
LIMIT $limit
