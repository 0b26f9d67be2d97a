--! materialized = "table"
--! description = "Customers by the month of their first order: how many of them order again so many months later."
--! tests = [
--!   { unique = ["cohort", "months"] },
--!   { name = "all_are_there_at_first", sql = "SELECT * FROM cohort_retention WHERE months = 0 AND customers <> cohort_size" },
--! ]
--! [columns]
--! cohort = "first day of the month of the first order"
--! months = "months since then; 0 is the month itself"
--! customers = "customers of the cohort who ordered in that month"
--! cohort_size = "customers of the cohort"
--! retention = "the former as a share of the latter"
--! net = "what they spent in that month, in euros"
WITH firsts AS (
    SELECT customer_id, month AS cohort FROM orders_priced WHERE number = 1
), active AS (
    SELECT
        f.cohort,
        months_between(f.cohort, o.month) AS months,
        count(DISTINCT o.customer_id) AS customers,
        coalesce(sum(o.net) FILTER (WHERE o.is_sold), 0) AS net
    FROM orders_priced o
    JOIN firsts f ON f.customer_id = o.customer_id
    GROUP BY f.cohort, months_between(f.cohort, o.month)
)
SELECT
    cohort,
    months,
    customers,
    first_value(customers) OVER (PARTITION BY cohort ORDER BY months) AS cohort_size,
    CAST(customers AS DOUBLE) / first_value(customers) OVER (PARTITION BY cohort ORDER BY months) AS retention,
    net
FROM active
