--! materialized = "live"
--! lateness = "10s"
--! description = "How many customers ordered within half an hour; a new one begins every five minutes."
--! tests = [{ unique = "window_start" }, { name = "no_more_than_orders", sql = "SELECT * FROM active_customers WHERE customers > orders" }]
--! [columns]
--! window_start = "begin of the half hour"
--! window_end = "its end"
--! customers = "customers with an order"
--! orders = "orders"
SELECT window_start, window_end, count(DISTINCT customer_id) AS customers, count(*) AS orders
FROM hop(orders, ordered_at, INTERVAL '5 minutes', INTERVAL '30 minutes')
GROUP BY window_start, window_end
