--! materialized = "table"
--! description = "One row per order with what its lines come to."
--! tests = [
--!   { unique = "order_id" },
--!   { not_null = "customer_id" },
--! ]
--! [columns]
--! order_id = "order"
--! customer_id = "customer"
--! ordered_at = "moment of ordering; NULL for an order that came live without one, until the table is made anew"
--! month = "first day of the month of ordering"
--! is_sold = "neither cancelled nor returned"
--! lines = "different lines"
--! units = "pieces"
--! net = "revenue less discount, in euros"
--! cost = "what suppliers took, in euros"
--! number = "which order of the customer it is, from 1; cancelled and returned ones count"
WITH priced AS (
    SELECT order_id, count(*) AS lines, sum(quantity) AS units, sum(net) AS net, sum(cost) AS cost
    FROM sales
    GROUP BY order_id
)
SELECT
    o.order_id,
    o.customer_id,
    o.ordered_at,
    month_of(o.ordered_at) AS month,
    is_sold(o.status) AS is_sold,
    coalesce(p.lines, 0) AS lines,
    coalesce(p.units, 0) AS units,
    coalesce(p.net, 0) AS net,
    coalesce(p.cost, 0) AS cost,
    row_number() OVER (PARTITION BY o.customer_id ORDER BY o.ordered_at, o.order_id) AS number
FROM orders o
LEFT JOIN priced p ON p.order_id = o.order_id
