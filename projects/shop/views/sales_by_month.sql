--! materialized = "table"
--! description = "Sales per month, with change on the month before and on the year before."
--! tests = [
--!   { unique = "month" },
--!   { not_null = ["orders", "net", "days"] },
--! ]
--! [columns]
--! month = "first day of the month"
--! days = "days of it within the period: the first and the last may be cut"
--! orders = "orders that stay sold"
--! customers = "different customers who ordered"
--! units = "pieces sold"
--! net = "revenue less discounts, in euros"
--! profit = "revenue less what suppliers took, in euros"
--! change_on_month = "change of revenue on the month before, as a share"
--! change_on_year = "change of revenue on the same month a year before, as a share"
--! net_year_before = "revenue a year before"
WITH sold AS (
    SELECT
        c.month,
        count(DISTINCT c.day) AS days,
        count(DISTINCT s.order_id) AS orders,
        count(DISTINCT s.customer_id) AS customers,
        coalesce(sum(s.quantity), 0) AS units,
        coalesce(sum(s.net), 0) AS net,
        coalesce(sum(s.net - s.cost), 0) AS profit
    FROM calendar c LEFT JOIN (SELECT * FROM sales WHERE is_sold) s ON s.ordered_on = c.day
    GROUP BY c.month
)
SELECT
    month,
    days,
    orders,
    customers,
    units,
    net,
    profit,
    change(CAST(net AS DOUBLE), CAST(lag(net) OVER (ORDER BY month) AS DOUBLE)) AS change_on_month,
    change(CAST(net AS DOUBLE), CAST(lag(net, 12) OVER (ORDER BY month) AS DOUBLE)) AS change_on_year,
    lag(net, 12) OVER (ORDER BY month) AS net_year_before
FROM sold
