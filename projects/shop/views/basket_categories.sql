--! materialized = "table"
--! description = "Categories that are bought together: for each pair, how much more often than by chance."
--! tests = [
--!   { unique = ["category_a", "category_b"] },
--! ]
--! [columns]
--! category_a = "the alphabetically first"
--! category_b = "the other"
--! orders = "orders with both"
--! support = "share of all orders"
--! confidence = "share of the orders with the first that have the second, too"
--! lift = "how many times more often than by chance"
WITH baskets AS (
    SELECT DISTINCT order_id, category FROM sales WHERE is_sold
), singles AS (
    SELECT category, count(*) AS orders FROM baskets GROUP BY category
), pairs AS (
    SELECT a.category AS category_a, b.category AS category_b, count(*) AS orders
    FROM baskets a
    JOIN baskets b ON b.order_id = a.order_id AND a.category < b.category
    GROUP BY a.category, b.category
)
SELECT
    p.category_a,
    p.category_b,
    p.orders,
    CAST(p.orders AS DOUBLE) / n.orders AS support,
    CAST(p.orders AS DOUBLE) / a.orders AS confidence,
    CAST(p.orders AS DOUBLE) * n.orders / a.orders / b.orders AS lift
FROM pairs p
JOIN singles a ON a.category = p.category_a
JOIN singles b ON b.category = p.category_b
CROSS JOIN (SELECT count(DISTINCT order_id) AS orders FROM baskets) n
