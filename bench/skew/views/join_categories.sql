--! materialized = "table"
--! description = "A small side: a few categories' products, joined to all lines."
SELECT p.supplier, sum(l.quantity) AS units, sum(l.quantity * l.unit_price) AS revenue
FROM order_lines l JOIN products p ON l.product_id = p.product_id
WHERE p.category IN ('Garden', 'Toys')
GROUP BY p.supplier
