--! materialized = "table"
--! description = "All products joined to all lines; the key is skewed."
SELECT p.category, count(*) AS lines, sum(l.quantity * (l.unit_price - p.cost)) AS margin
FROM order_lines l JOIN products p ON l.product_id = p.product_id
GROUP BY p.category
