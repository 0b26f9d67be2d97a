--! materialized = "table"
--! description = "Enrolments over time, with the running total."
--! tests = [
--!   { unique = ["year", "month"] },
--!   { not_null = ["enrolled", "enrolled_so_far"] },
--! ]
--! [columns]
--! year = "year of enrolment"
--! month = "month of enrolment, 1 to 12"
--! enrolled = "customers who enrolled in that month"
--! enrolled_so_far = "customers enrolled by its end"
--! spend_mean = "their mean spend in two years"
SELECT
    dt_customer_year AS year,
    dt_customer_month AS month,
    count(*) AS enrolled,
    sum(count(*)) OVER (ORDER BY dt_customer_year, dt_customer_month) AS enrolled_so_far,
    avg(total_spend) AS spend_mean
FROM customers
GROUP BY dt_customer_year, dt_customer_month
ORDER BY year, month
