--! materialized = "table"
--! description = "A window per customer: one partition has up to a third of all rows."
SELECT order_id, customer_id,
    row_number() OVER by_time AS number,
    lag(ordered_at) OVER by_time AS before,
    count(*) OVER (PARTITION BY customer_id ORDER BY ordered_at RANGE BETWEEN INTERVAL '30 days' PRECEDING AND CURRENT ROW) AS lately
FROM orders
WINDOW by_time AS (PARTITION BY customer_id ORDER BY ordered_at, order_id)
