--! description = "What is not the order's own: cells that were filled with the best guess there was, and how many were left empty. All of them is orders."
--! tests = [{ unique = "what" }, { not_null = ["what", "orders", "percent"] }]
--! [columns]
--! what = "which cells"
--! orders = "orders concerned"
--! percent = "of all orders"
WITH counted AS (
    SELECT 'age is the median' AS what, count(*) FILTER (WHERE age_filled) AS orders, count(*) AS there FROM orders
    UNION ALL SELECT 'price is the median of the product', count(*) FILTER (WHERE price_filled), count(*) FROM orders
    UNION ALL SELECT 'quantity is one, for want of a total', count(*) FILTER (WHERE quantity_filled), count(*) FROM orders
    UNION ALL SELECT 'day is that of the order before', count(*) FILTER (WHERE order_date_filled), count(*) FROM orders
    UNION ALL SELECT 'day is unknown', count(*) FILTER (WHERE order_date IS NULL), count(*) FROM orders
    UNION ALL SELECT 'name of the customer is unknown', count(*) FILTER (WHERE customer_name = 'Unknown'), count(*) FROM orders
    UNION ALL SELECT 'country is unknown', count(*) FILTER (WHERE country = 'Unknown'), count(*) FROM orders
    UNION ALL SELECT 'category is unknown', count(*) FILTER (WHERE category = 'Unknown'), count(*) FROM orders
    UNION ALL SELECT 'day of registration is unknown', count(*) FILTER (WHERE registration_date IS NULL), count(*) FROM orders
    UNION ALL SELECT 'day of shipment is unknown', count(*) FILTER (WHERE shipping_date IS NULL), count(*) FROM orders
    UNION ALL SELECT 'address is unknown', count(*) FILTER (WHERE shipping_address IS NULL), count(*) FROM orders
)
SELECT what, orders, CAST(100 * orders AS DOUBLE PRECISION) / there AS percent FROM counted
