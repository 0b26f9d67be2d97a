--! materialized = "table"
--! description = "A group per customer: one has up to a third of all rows."
SELECT customer_id, count(*) AS orders, max(ordered_at) AS last_at, count(DISTINCT device) AS devices
FROM orders
GROUP BY customer_id
