--! materialized = "table"
--! description = "Sales by country and region."
--! tests = [
--!   { unique = ["country", "region"] },
--!   { not_null = ["net", "orders"] },
--! ]
--! [columns]
--! country = "country of the customers"
--! region = "their region"
--! orders = "orders that stay sold"
--! customers = "different customers"
--! units = "pieces sold"
--! net = "revenue, in euros"
--! profit = "revenue less what suppliers took"
--! profit_margin = "the latter as a share of the former"
--! net_share = "share of all revenue of the country"
--! net_rank = "1 brings most of its country"
WITH sold AS (
    SELECT
        country, region,
        count(DISTINCT order_id) AS orders,
        count(DISTINCT customer_id) AS customers,
        sum(quantity) AS units,
        coalesce(sum(net), 0) AS net,
        coalesce(sum(net - cost), 0) AS profit
    FROM sales
    WHERE is_sold
    GROUP BY country, region
)
SELECT
    country, region,
    orders,
    customers,
    units,
    net,
    profit,
    CAST(profit AS DOUBLE) / nullif(CAST(net AS DOUBLE), 0) AS profit_margin,
    CAST(net AS DOUBLE) / nullif(CAST(sum(net) OVER (PARTITION BY country) AS DOUBLE), 0) AS net_share,
    row_number() OVER (PARTITION BY country ORDER BY net DESC, region) AS net_rank
FROM sold
