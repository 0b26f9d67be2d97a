--! description = "The age pyramid: customers in steps of ten years, each counted once, at the age of the last order."
--! tests = [
--!   { unique = "age_from" },
--!   { not_null = ["age_from", "customers", "share_percent"] },
--!   { name = "nobody_is_missing", sql = """
--!       SELECT counted, there FROM (SELECT sum(customers) AS counted FROM customers_by_age) a
--!       CROSS JOIN (SELECT count(DISTINCT customer_id) AS there FROM orders) b WHERE counted <> there""" },
--! ]
--! [columns]
--! age_from = "from this age to ten years on"
--! customers = "how many"
--! share_percent = "share of all customers"
--! orders = "how many they placed"
--! revenue = "what their orders cost"
WITH customers AS (
    SELECT customer_id, max(age) AS age, count(*) AS orders, sum(total_amount) AS revenue FROM orders GROUP BY customer_id
)
SELECT
    age - age % 10 AS age_from,
    count(*) AS customers,
    CAST(100 * count(*) AS DOUBLE PRECISION) / sum(count(*)) OVER () AS share_percent,
    CAST(sum(orders) AS BIGINT) AS orders,
    sum(revenue) AS revenue
FROM customers
GROUP BY age - age % 10
