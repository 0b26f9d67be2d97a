--! materialized = "table"
--! description = "Sales per week, with change on the week before and on the year before."
--! tests = [
--!   { unique = "week" },
--!   { not_null = ["orders", "net", "days"] },
--! ]
--! [columns]
--! week = "the Monday that the week begins with"
--! days = "days of it within the period: the first and the last may be cut"
--! orders = "orders that stay sold"
--! customers = "different customers who ordered"
--! units = "pieces sold"
--! net = "revenue less discounts, in euros"
--! profit = "revenue less what suppliers took, in euros"
--! change_on_week = "change of revenue on the week before, as a share"
--! change_on_year = "change of revenue on the same week a year before, as a share"
--! net_year_before = "revenue a year before"
WITH sold AS (
    SELECT
        c.week,
        count(DISTINCT c.day) AS days,
        count(DISTINCT s.order_id) AS orders,
        count(DISTINCT s.customer_id) AS customers,
        coalesce(sum(s.quantity), 0) AS units,
        coalesce(sum(s.net), 0) AS net,
        coalesce(sum(s.net - s.cost), 0) AS profit
    FROM calendar c LEFT JOIN (SELECT * FROM sales WHERE is_sold) s ON s.ordered_on = c.day
    GROUP BY c.week
)
SELECT
    week,
    days,
    orders,
    customers,
    units,
    net,
    profit,
    change(CAST(net AS DOUBLE), CAST(lag(net) OVER (ORDER BY week) AS DOUBLE)) AS change_on_week,
    change(CAST(net AS DOUBLE), CAST(lag(net, 52) OVER (ORDER BY week) AS DOUBLE)) AS change_on_year,
    lag(net, 52) OVER (ORDER BY week) AS net_year_before
FROM sold
