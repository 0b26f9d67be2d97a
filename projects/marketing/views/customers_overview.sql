--! description = "The customer base in one row."
--! tests = [
--!   { not_null = ["customers", "income_median", "revenue"] },
--!   { name = "one_row", sql = "SELECT count(*) AS rows FROM customers_overview HAVING count(*) <> 1" },
--! ]
--! [columns]
--! customers = "how many"
--! first_enrolled = "the earliest enrolment"
--! last_enrolled = "the latest enrolment, which stands for today"
--! income_median = "median yearly income"
--! revenue = "spent by all of them in two years"
--! spend_median = "median of what one spends in two years"
--! accepted_any = "customers who accepted at least one of six offers"
--! complaints = "customers who complained"
SELECT
    count(*) AS customers,
    min(dt_customer) AS first_enrolled,
    max(dt_customer) AS last_enrolled,
    median(income) AS income_median,
    sum(total_spend) AS revenue,
    median(CAST(total_spend AS DOUBLE PRECISION)) AS spend_median,
    count(*) FILTER (WHERE campaigns_accepted > 0) AS accepted_any,
    sum(complain) AS complaints
FROM customers
