--! materialized = "table"
--! description = "Sales by category: revenue, profit, and its place."
--! tests = [
--!   { unique = ["category"] },
--!   { not_null = ["net", "orders"] },
--! ]
--! [columns]
--! category = "category"
--! orders = "orders that stay sold"
--! customers = "different customers"
--! units = "pieces sold"
--! net = "revenue, in euros"
--! profit = "revenue less what suppliers took"
--! profit_margin = "the latter as a share of the former"
--! net_share = "share of all revenue"
--! net_rank = "1 brings most"
WITH sold AS (
    SELECT
        category,
        count(DISTINCT order_id) AS orders,
        count(DISTINCT customer_id) AS customers,
        sum(quantity) AS units,
        coalesce(sum(net), 0) AS net,
        coalesce(sum(net - cost), 0) AS profit
    FROM sales
    WHERE is_sold
    GROUP BY category
)
SELECT
    category,
    orders,
    customers,
    units,
    net,
    profit,
    CAST(profit AS DOUBLE) / nullif(CAST(net AS DOUBLE), 0) AS profit_margin,
    CAST(net AS DOUBLE) / nullif(CAST(sum(net) OVER () AS DOUBLE), 0) AS net_share,
    row_number() OVER (ORDER BY net DESC, category) AS net_rank
FROM sold
