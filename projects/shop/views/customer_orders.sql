--! materialized = "table"
--! description = "What each customer's orders come to. Customers who never ordered are there, too."
--! tests = [
--!   { unique = "customer_id" },
--!   { not_null = ["orders", "net"] },
--! ]
--! [columns]
--! customer_id = "customer"
--! orders = "orders, cancelled and returned ones included"
--! sold_orders = "orders that stay sold"
--! returned_orders = "orders that came back"
--! first_order_at = "first order"
--! last_order_at = "last order"
--! recency_days = "days from the last order to the end of the period"
--! orders_90_days = "orders within the last 90 days of the period"
--! units = "pieces bought and kept"
--! net = "revenue from the customer, in euros"
--! cost = "what suppliers took for it"
WITH per_customer AS (
    SELECT
        o.customer_id,
        count(*) AS orders,
        count(*) FILTER (WHERE o.is_sold) AS sold_orders,
        min(o.ordered_at) AS first_order_at,
        max(o.ordered_at) AS last_order_at,
        count(*) FILTER (WHERE CAST(o.ordered_at AS DATE) > CAST(p.last_day - INTERVAL '90 days' AS DATE)) AS orders_90_days,
        sum(o.units) FILTER (WHERE o.is_sold) AS units,
        sum(o.net) FILTER (WHERE o.is_sold) AS net,
        sum(o.cost) FILTER (WHERE o.is_sold) AS cost
    FROM orders_priced o
    CROSS JOIN period p
    GROUP BY o.customer_id
), returned AS (
    SELECT customer_id, count(*) AS orders FROM orders WHERE status = 'returned' GROUP BY customer_id
)
SELECT
    c.customer_id,
    coalesce(o.orders, 0) AS orders,
    coalesce(o.sold_orders, 0) AS sold_orders,
    coalesce(r.orders, 0) AS returned_orders,
    o.first_order_at,
    o.last_order_at,
    p.last_day - CAST(o.last_order_at AS DATE) AS recency_days,
    coalesce(o.orders_90_days, 0) AS orders_90_days,
    coalesce(o.units, 0) AS units,
    coalesce(o.net, 0) AS net,
    coalesce(o.cost, 0) AS cost
FROM customers c
CROSS JOIN period p
LEFT JOIN per_customer o ON o.customer_id = c.customer_id
LEFT JOIN returned r ON r.customer_id = c.customer_id
