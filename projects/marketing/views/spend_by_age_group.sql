--! materialized = "table"
--! description = "Who spends, by age."
--! tests = [
--!   { unique = "age_group" },
--!   { not_null = ["age_group", "customers", "spend_mean"] },
--!   { accepted_values = { column = "age_group", values = ["under 30", "30 to 44", "45 to 59", "60 and over"] } },
--!   { name = "nobody_is_missing", sql = """
--!       SELECT counted, there FROM (SELECT sum(customers) AS counted FROM spend_by_age_group) a
--!       CROSS JOIN (SELECT count(*) AS there FROM customers) b WHERE counted <> there""" },
--! ]
--! [columns]
--! age_group = "under 30, 30 to 44, 45 to 59, 60 and over"
--! customers = "how many"
--! income_median = "median yearly income"
--! spend_mean = "mean spend in two years"
--! spend_median = "median spend in two years"
--! spend_share_percent = "share of all spending"
--! wine_share_percent = "share of wine in the group's spending"
--! accepted_last_percent = "accepted the last campaign's offer"
SELECT
    age_group,
    count(*) AS customers,
    median(income) AS income_median,
    avg(total_spend) AS spend_mean,
    median(CAST(total_spend AS DOUBLE PRECISION)) AS spend_median,
    100.0 * sum(total_spend) / sum(sum(total_spend)) OVER () AS spend_share_percent,
    100.0 * sum(spend_wines) / sum(total_spend) AS wine_share_percent,
    100.0 * avg(response) AS accepted_last_percent
FROM customers
GROUP BY age_group
ORDER BY min(age)
