--! materialized = "table"
--! description = "Sales by month and country, with how they change. Orders whose day is not known are in no month."
--! tests = [
--!   { unique = ["order_month", "country"] },
--!   { not_null = ["order_month", "country", "orders", "units", "revenue", "share_percent"] },
--!   { name = "shares_make_a_hundred", sql = """
--!       SELECT order_month, sum(share_percent) AS percent FROM trend_by_country GROUP BY order_month HAVING abs(sum(share_percent) - 100) > 0.000001""" },
--! ]
--! [columns]
--! order_month = "as 2024-05"
--! country = "where the customer lives"
--! orders = "orders of that month"
--! units = "pieces"
--! revenue = "what the orders cost"
--! share_percent = "share of the month's revenue"
--! change_percent = "revenue against the month before it in this table; none for the first"
--! revenue_3_months = "mean revenue of this month and the two before"
--! position = "1 for the greatest revenue of the month"
WITH months AS (
    SELECT order_month, country, count(*) AS orders, CAST(sum(quantity) AS BIGINT) AS units, sum(total_amount) AS revenue
    FROM orders
    WHERE order_month IS NOT NULL
    GROUP BY order_month, country
)
SELECT
    order_month,
    country,
    orders,
    units,
    revenue,
    100 * CAST(revenue AS DOUBLE PRECISION) / sum(CAST(revenue AS DOUBLE PRECISION)) OVER (PARTITION BY order_month) AS share_percent,
    100 * (CAST(revenue AS DOUBLE PRECISION) / CAST(lag(revenue) OVER earlier AS DOUBLE PRECISION) - 1) AS change_percent,
    avg(CAST(revenue AS DOUBLE PRECISION)) OVER (PARTITION BY country ORDER BY order_month ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS revenue_3_months,
    CAST(rank() OVER (PARTITION BY order_month ORDER BY revenue DESC) AS BIGINT) AS position
FROM months
WINDOW earlier AS (PARTITION BY country ORDER BY order_month)
