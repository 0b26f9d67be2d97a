--! materialized = "table"
--! description = "Who the customers are and what they buy, by country and age group. An order counts for its customer's group."
--! tests = [
--!   { unique = ["country", "age_group"] },
--!   { not_null = ["country", "age_group", "customers", "orders", "revenue"] },
--!   { accepted_values = { column = "age_group", values = ["Young", "Middle-aged", "Senior"] } },
--!   { name = "no_order_is_missing", sql = """
--!       SELECT counted, there FROM (SELECT sum(orders) AS counted FROM demographics) a
--!       CROSS JOIN (SELECT count(*) AS there FROM orders) b WHERE counted <> there""" },
--! ]
--! [columns]
--! country = "where they live; Unknown where no order of theirs says"
--! age_group = "Young below 30, Middle-aged below 60, Senior from 60"
--! customers = "how many"
--! age_mean = "mean age, over orders"
--! orders = "how many they placed"
--! revenue = "what their orders cost"
--! order_mean = "mean of what an order cost"
--! orders_per_customer = "orders per customer"
--! revenue_share_percent = "share of all revenue"
SELECT
    country,
    age_group,
    count(DISTINCT customer_id) AS customers,
    avg(CAST(age AS DOUBLE PRECISION)) AS age_mean,
    count(*) AS orders,
    sum(total_amount) AS revenue,
    avg(CAST(total_amount AS DOUBLE PRECISION)) AS order_mean,
    CAST(count(*) AS DOUBLE PRECISION) / count(DISTINCT customer_id) AS orders_per_customer,
    100 * CAST(sum(total_amount) AS DOUBLE PRECISION) / sum(CAST(sum(total_amount) AS DOUBLE PRECISION)) OVER () AS revenue_share_percent
FROM orders
GROUP BY country, age_group
