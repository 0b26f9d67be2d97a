--! materialized = "table"
--! description = "How each campaign did, and who said yes."
--! tests = [
--!   { unique = "campaign" },
--!   { not_null = ["accepted", "accepted_percent"] },
--!   { accepted_values = { column = "campaign", values = ["1", "2", "3", "4", "5", "6"] } },
--! ]
--! [columns]
--! campaign = "1 to 6; 6 is the last one (the file's Response)"
--! accepted = "customers who accepted the offer"
--! accepted_percent = "of all customers"
--! spend_mean_accepted = "mean spend in two years of those who accepted"
--! spend_mean_others = "mean spend of those who did not"
--! income_median_accepted = "median income of those who accepted"
WITH answers AS (
    SELECT 1 AS campaign, accepted_cmp1 AS accepted, total_spend, income FROM customers
    UNION ALL SELECT 2, accepted_cmp2, total_spend, income FROM customers
    UNION ALL SELECT 3, accepted_cmp3, total_spend, income FROM customers
    UNION ALL SELECT 4, accepted_cmp4, total_spend, income FROM customers
    UNION ALL SELECT 5, accepted_cmp5, total_spend, income FROM customers
    UNION ALL SELECT 6, response, total_spend, income FROM customers
)
SELECT
    campaign,
    sum(accepted) AS accepted,
    100.0 * avg(accepted) AS accepted_percent,
    avg(total_spend) FILTER (WHERE accepted = 1) AS spend_mean_accepted,
    avg(total_spend) FILTER (WHERE accepted = 0) AS spend_mean_others,
    median(income) FILTER (WHERE accepted = 1) AS income_median_accepted
FROM answers
GROUP BY campaign
ORDER BY campaign
