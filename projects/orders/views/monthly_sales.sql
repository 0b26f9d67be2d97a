--! materialized = "table"
--! description = "Sales by month. Orders whose day is not known are in no month."
--! tests = [
--!   { unique = "order_month" },
--!   { not_null = ["order_month", "orders", "units", "revenue"] },
--!   { name = "nothing_is_missing", sql = """
--!       SELECT counted, there FROM (SELECT sum(revenue) AS counted FROM monthly_sales) a
--!       CROSS JOIN (SELECT sum(total_amount) AS there FROM orders WHERE order_month IS NOT NULL) b WHERE counted <> there""" },
--! ]
--! [columns]
--! order_month = "as 2024-05"
--! orders = "orders placed in that month"
--! customers = "who placed them"
--! new_customers = "who had not ordered before, in this table"
--! units = "pieces"
--! revenue = "what the orders cost"
--! order_mean = "mean of what an order cost"
--! change_percent = "revenue against the month before; none for the first"
--! revenue_3_months = "mean revenue of this month and the two before"
--! revenue_so_far = "revenue since the beginning"
--! shipping_days_mean = "days from order to shipment, where both are known"
WITH firsts AS (
    SELECT customer_id, min(order_month) AS order_month FROM orders GROUP BY customer_id
), new AS (
    SELECT order_month, count(*) AS new_customers FROM firsts GROUP BY order_month
), months AS (
    SELECT
        order_month,
        count(*) AS orders,
        count(DISTINCT customer_id) AS customers,
        CAST(sum(quantity) AS BIGINT) AS units,
        sum(total_amount) AS revenue,
        avg(CAST(total_amount AS DOUBLE PRECISION)) AS order_mean,
        avg(CAST(shipping_days AS DOUBLE PRECISION)) AS shipping_days_mean
    FROM orders
    WHERE order_month IS NOT NULL
    GROUP BY order_month
)
SELECT
    m.order_month,
    orders,
    customers,
    coalesce(new_customers, 0) AS new_customers,
    units,
    revenue,
    order_mean,
    100 * (CAST(revenue AS DOUBLE PRECISION) / CAST(lag(revenue) OVER (ORDER BY m.order_month) AS DOUBLE PRECISION) - 1) AS change_percent,
    avg(CAST(revenue AS DOUBLE PRECISION)) OVER (ORDER BY m.order_month ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS revenue_3_months,
    sum(revenue) OVER (ORDER BY m.order_month) AS revenue_so_far,
    shipping_days_mean
FROM months m
LEFT JOIN new n ON m.order_month = n.order_month
