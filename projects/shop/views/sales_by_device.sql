--! materialized = "table"
--! description = "Sales by device and payment."
--! tests = [
--!   { unique = ["device", "payment"] },
--!   { not_null = ["net", "orders"] },
--! ]
--! [columns]
--! device = "where it was ordered"
--! payment = "how it was paid"
--! orders = "orders that stay sold"
--! customers = "different customers"
--! units = "pieces sold"
--! net = "revenue, in euros"
--! profit = "revenue less what suppliers took"
--! profit_margin = "the latter as a share of the former"
--! net_share = "share of all revenue of the device"
--! net_rank = "1 brings most of its device"
WITH sold AS (
    SELECT
        device, payment,
        count(DISTINCT order_id) AS orders,
        count(DISTINCT customer_id) AS customers,
        sum(quantity) AS units,
        coalesce(sum(net), 0) AS net,
        coalesce(sum(net - cost), 0) AS profit
    FROM sales
    WHERE is_sold
    GROUP BY device, payment
)
SELECT
    device, payment,
    orders,
    customers,
    units,
    net,
    profit,
    CAST(profit AS DOUBLE) / nullif(CAST(net AS DOUBLE), 0) AS profit_margin,
    CAST(net AS DOUBLE) / nullif(CAST(sum(net) OVER (PARTITION BY device) AS DOUBLE), 0) AS net_share,
    row_number() OVER (PARTITION BY device ORDER BY net DESC, payment) AS net_rank
FROM sold
