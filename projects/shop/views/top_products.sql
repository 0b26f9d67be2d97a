--! materialized = "table"
--! description = "The ten articles of each category and month that brought most; ties by number."
--! tests = [
--!   { unique = ["month", "category", "place"] },
--!   { not_null = ["product_id", "net"] },
--! ]
--! [columns]
--! month = "first day of the month"
--! category = "category"
--! place = "1 to 10"
--! product_id = "article"
--! units = "pieces sold"
--! net = "revenue, in euros"
--! share = "share of the category's revenue in that month"
WITH sold AS (
    SELECT month, category, product_id, sum(quantity) AS units, sum(net) AS net
    FROM sales
    WHERE is_sold AND net IS NOT NULL
    GROUP BY month, category, product_id
), ranked AS (
    SELECT
        month,
        category,
        product_id,
        units,
        net,
        row_number() OVER (PARTITION BY month, category ORDER BY net DESC, product_id) AS place,
        sum(net) OVER (PARTITION BY month, category) AS net_of_all
    FROM sold
)
SELECT month, category, place, product_id, units, net, CAST(net AS DOUBLE) / nullif(CAST(net_of_all AS DOUBLE), 0) AS share
FROM ranked
WHERE place <= 10
