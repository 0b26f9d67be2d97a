--! materialized = "table"
--! description = "Who spends, by education."
--! tests = [
--!   { unique = "education" },
--!   { not_null = ["education", "customers", "spend_mean"] },
--!   { accepted_values = { column = "education", values = ["Basic", "Graduation", "2n Cycle", "Master", "PhD"] } },
--!   { name = "nobody_is_missing", sql = """
--!       SELECT counted, there FROM (SELECT sum(customers) AS counted FROM spend_by_education) a
--!       CROSS JOIN (SELECT count(*) AS there FROM customers) b WHERE counted <> there""" },
--! ]
--! [columns]
--! education = "highest level reached, lowest first"
--! customers = "how many"
--! income_median = "median yearly income"
--! spend_mean = "mean spend in two years"
--! spend_median = "median spend in two years"
--! spend_share_percent = "share of all spending"
--! wine_share_percent = "share of wine in the group's spending"
--! accepted_last_percent = "accepted the last campaign's offer"
SELECT
    education,
    count(*) AS customers,
    median(income) AS income_median,
    avg(total_spend) AS spend_mean,
    median(CAST(total_spend AS DOUBLE PRECISION)) AS spend_median,
    100.0 * sum(total_spend) / sum(sum(total_spend)) OVER () AS spend_share_percent,
    100.0 * sum(spend_wines) / sum(total_spend) AS wine_share_percent,
    100.0 * avg(response) AS accepted_last_percent
FROM customers
GROUP BY education
ORDER BY min(education_level)
