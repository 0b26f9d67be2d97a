--! materialized = "table"
--! description = "What each article sold. Articles that nobody bought are there, too."
--! tests = [
--!   { unique = "product_id" },
--!   { not_null = ["units", "net"] },
--! ]
--! [columns]
--! product_id = "article"
--! orders = "orders that it was part of"
--! customers = "different customers who bought it"
--! units = "pieces sold"
--! returned_units = "pieces of orders that came back"
--! net = "revenue, in euros"
--! cost = "what the supplier took for them"
--! units_90_days = "pieces of the last 90 days of the period"
WITH sold AS (
    SELECT
        s.product_id,
        sum(s.quantity) FILTER (WHERE s.is_sold) AS units,
        sum(s.quantity) FILTER (WHERE s.status = 'returned') AS returned_units,
        sum(s.net) FILTER (WHERE s.is_sold) AS net,
        sum(s.cost) FILTER (WHERE s.is_sold) AS cost,
        sum(s.quantity) FILTER (WHERE s.is_sold AND s.ordered_on > CAST(p.last_day - INTERVAL '90 days' AS DATE)) AS units_90_days
    FROM sales s
    CROSS JOIN period p
    GROUP BY s.product_id
), buyers AS (
    -- Counted in two steps: a set of orders for each of a million articles would need gigabytes.
    SELECT product_id, sum(orders) AS orders, count(*) AS customers
    FROM (
        SELECT product_id, customer_id, count(*) AS orders
        FROM (SELECT DISTINCT product_id, customer_id, order_id FROM sales WHERE is_sold) AS o
        GROUP BY product_id, customer_id
    ) AS c
    GROUP BY product_id
)
SELECT
    p.product_id,
    coalesce(b.orders, 0) AS orders,
    coalesce(b.customers, 0) AS customers,
    coalesce(s.units, 0) AS units,
    coalesce(s.returned_units, 0) AS returned_units,
    coalesce(s.net, 0) AS net,
    coalesce(s.cost, 0) AS cost,
    coalesce(s.units_90_days, 0) AS units_90_days
FROM products p
LEFT JOIN sold s ON s.product_id = p.product_id
LEFT JOIN buyers b ON b.product_id = p.product_id
