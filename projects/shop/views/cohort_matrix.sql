--! description = "The same as a matrix: one row per cohort, one column per distance in months."
--! tests = [
--!   { unique = "cohort" },
--! ]
--! [columns]
--! cohort = "first day of the month of the first order"
--! customers = "customers of the cohort"
--! month_1 = "share of them who ordered 1 months later"
--! month_2 = "share of them who ordered 2 months later"
--! month_3 = "share of them who ordered 3 months later"
--! month_4 = "share of them who ordered 4 months later"
--! month_5 = "share of them who ordered 5 months later"
--! month_6 = "share of them who ordered 6 months later"
--! month_9 = "share of them who ordered 9 months later"
--! month_12 = "share of them who ordered 12 months later"
SELECT
    cohort,
    max(cohort_size) AS customers,
    max(retention) FILTER (WHERE months = 1) AS month_1,
    max(retention) FILTER (WHERE months = 2) AS month_2,
    max(retention) FILTER (WHERE months = 3) AS month_3,
    max(retention) FILTER (WHERE months = 4) AS month_4,
    max(retention) FILTER (WHERE months = 5) AS month_5,
    max(retention) FILTER (WHERE months = 6) AS month_6,
    max(retention) FILTER (WHERE months = 9) AS month_9,
    max(retention) FILTER (WHERE months = 12) AS month_12
FROM cohort_retention
GROUP BY cohort
