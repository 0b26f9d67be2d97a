--! materialized = "live"
--! lateness = "10s"
--! state_limit = "40M rows"
--! description = "Order lines that sold, as they come: what all live figures of the shop are made from. A line and its order come apart, and each waits for the other."
--! tests = [
--!   { unique = ["order_id", "line"] },
--!   { not_null = ["customer_id", "ordered_at", "quantity", "category"] },
--! ]
--! [columns]
--! order_id = "order"
--! line = "place in the order"
--! product_id = "article"
--! customer_id = "customer"
--! ordered_at = "moment of ordering"
--! category = "category of the article"
--! quantity = "pieces"
--! net = "pieces times price less discount, in euros"
SELECT
    l.order_id,
    l.line,
    l.product_id,
    o.customer_id,
    o.ordered_at,
    coalesce(p.category, 'unknown') AS category,
    l.quantity,
    net_amount(l.quantity, coalesce(l.unit_price, p.price), o.discount) AS net
FROM order_lines l
JOIN orders o ON o.order_id = l.order_id
LEFT JOIN products p ON p.product_id = l.product_id
WHERE is_sold(o.status)
