--! materialized = "table"
--! description = "All customers joined to all orders; the key is skewed."
SELECT c.country, o.status, count(*) AS orders, sum(o.discount) AS discounts
FROM orders o JOIN customers c ON o.customer_id = c.customer_id
GROUP BY c.country, o.status
