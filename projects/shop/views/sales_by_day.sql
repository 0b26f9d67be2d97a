--! materialized = "table"
--! description = "Sales per day, with change on the day before and on the same weekday a year before, and means of seven days."
--! tests = [
--!   { unique = "day" },
--!   { not_null = ["orders", "net", "net_mean_7"] },
--!   { name = "all_revenue_is_there", sql = """
--!       SELECT a.net, b.net FROM (SELECT sum(net) AS net FROM sales_by_day) a
--!       CROSS JOIN (SELECT sum(net) AS net FROM sales WHERE is_sold AND ordered_on IS NOT NULL) b WHERE a.net <> b.net""" },
--! ]
--! [columns]
--! day = "day; each one of the period is there"
--! orders = "orders that stay sold"
--! customers = "different customers who ordered"
--! units = "pieces sold"
--! net = "revenue less discounts, in euros"
--! profit = "revenue less what suppliers took, in euros"
--! change_on_day = "change of revenue on the day before, as a share"
--! change_on_year = "change of revenue on the same weekday 52 weeks before"
--! net_mean_7 = "mean revenue of the seven days up to this one"
--! orders_mean_7 = "mean orders of these seven days"
--! net_so_far = "revenue of the month up to this day"
WITH sold AS (
    SELECT
        ordered_on,
        count(DISTINCT order_id) AS orders,
        count(DISTINCT customer_id) AS customers,
        sum(quantity) AS units,
        sum(net) AS net,
        sum(net - cost) AS profit
    FROM sales
    WHERE is_sold
    GROUP BY ordered_on
), days AS (
    SELECT
        c.day,
        c.month,
        coalesce(s.orders, 0) AS orders,
        coalesce(s.customers, 0) AS customers,
        coalesce(s.units, 0) AS units,
        coalesce(s.net, 0) AS net,
        coalesce(s.profit, 0) AS profit
    FROM calendar c LEFT JOIN sold s ON s.ordered_on = c.day
)
SELECT
    day,
    orders,
    customers,
    units,
    net,
    profit,
    change(CAST(net AS DOUBLE), CAST(lag(net) OVER (ORDER BY day) AS DOUBLE)) AS change_on_day,
    change(CAST(net AS DOUBLE), CAST(lag(net, 364) OVER (ORDER BY day) AS DOUBLE)) AS change_on_year,
    avg(CAST(net AS DOUBLE)) OVER (ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS net_mean_7,
    avg(CAST(orders AS DOUBLE)) OVER (ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS orders_mean_7,
    sum(net) OVER (PARTITION BY month ORDER BY day) AS net_so_far
FROM days
