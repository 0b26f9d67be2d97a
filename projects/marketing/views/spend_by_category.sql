--! materialized = "table"
--! description = "What the money goes to, and who buys it."
--! tests = [
--!   { unique = "category" },
--!   { not_null = ["revenue"] },
--! ]
--! [columns]
--! category = "what was bought"
--! revenue = "spent on it by all customers in two years"
--! share_percent = "share of all spending"
--! buyers_percent = "customers who bought any"
--! mean_per_buyer = "mean spend of those who bought any"
WITH lines AS (
    SELECT 'wine' AS category, spend_wines AS spend FROM customers
    UNION ALL SELECT 'fruit', spend_fruits FROM customers
    UNION ALL SELECT 'meat', spend_meat FROM customers
    UNION ALL SELECT 'fish', spend_fish FROM customers
    UNION ALL SELECT 'sweets', spend_sweets FROM customers
    UNION ALL SELECT 'gold', spend_gold FROM customers
)
SELECT
    category,
    sum(spend) AS revenue,
    100.0 * sum(spend) / sum(sum(spend)) OVER () AS share_percent,
    100.0 * count(*) FILTER (WHERE spend > 0) / count(*) AS buyers_percent,
    avg(spend) FILTER (WHERE spend > 0) AS mean_per_buyer
FROM lines
GROUP BY category
ORDER BY revenue DESC
