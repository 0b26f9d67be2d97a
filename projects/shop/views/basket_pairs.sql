--! materialized = "table"
--! description = "Articles that are bought together, in three orders or more."
--! tests = [
--!   { unique = ["product_a", "product_b"] },
--!   { name = "in_order", sql = "SELECT * FROM basket_pairs WHERE product_a >= product_b OR orders < 3" },
--! ]
--! [columns]
--! product_a = "the article with the smaller number"
--! product_b = "the other"
--! orders = "orders with both"
--! orders_a = "orders with the first"
--! orders_b = "orders with the second"
--! confidence = "share of the orders with the first that have the second, too"
--! lift = "how many times more often than by chance"
WITH baskets AS (
    SELECT DISTINCT order_id, product_id FROM sales WHERE is_sold
), singles AS (
    SELECT product_id, count(*) AS orders FROM baskets GROUP BY product_id
), pairs AS (
    SELECT a.product_id AS product_a, b.product_id AS product_b, count(*) AS orders
    FROM baskets a
    JOIN baskets b ON b.order_id = a.order_id AND a.product_id < b.product_id
    GROUP BY a.product_id, b.product_id
    HAVING count(*) >= 3
)
SELECT
    p.product_a,
    p.product_b,
    p.orders,
    a.orders AS orders_a,
    b.orders AS orders_b,
    CAST(p.orders AS DOUBLE) / a.orders AS confidence,
    CAST(p.orders AS DOUBLE) * n.orders / a.orders / b.orders AS lift
FROM pairs p
JOIN singles a ON a.product_id = p.product_a
JOIN singles b ON b.product_id = p.product_b
CROSS JOIN (SELECT count(DISTINCT order_id) AS orders FROM baskets) n
