--! materialized = "table"
--! description = "Orders, pieces and sales of each month and category."
SELECT order_month, category, count(*) AS orders, sum(quantity) AS pieces, sum(total_amount) AS sales
FROM orders
WHERE order_month IS NOT NULL
GROUP BY order_month, category
