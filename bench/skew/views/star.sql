--! materialized = "table"
--! description = "Three joins, two of them over skewed keys."
SELECT c.country, p.category, sum(l.quantity * l.unit_price) AS revenue
FROM order_lines l
JOIN orders o ON l.order_id = o.order_id
JOIN customers c ON o.customer_id = c.customer_id
JOIN products p ON l.product_id = p.product_id
GROUP BY c.country, p.category
