--! description = "Where customers buy: how many use each channel, and how often."
--! tests = [{ unique = "channel" }]
--! [columns]
--! channel = "web, catalogue or shop"
--! purchases = "purchases by all customers"
--! share_percent = "share of all purchases"
--! users_percent = "customers who bought there at least once"
--! spend_mean_of_users = "mean total spend of those customers"
WITH uses AS (
    SELECT 'web' AS channel, purchases_web AS purchases, total_spend FROM customers
    UNION ALL SELECT 'catalogue', purchases_catalog, total_spend FROM customers
    UNION ALL SELECT 'shop', purchases_store, total_spend FROM customers
)
SELECT
    channel,
    sum(purchases) AS purchases,
    100.0 * sum(purchases) / sum(sum(purchases)) OVER () AS share_percent,
    100.0 * count(*) FILTER (WHERE purchases > 0) / count(*) AS users_percent,
    avg(total_spend) FILTER (WHERE purchases > 0) AS spend_mean_of_users
FROM uses
GROUP BY channel
ORDER BY purchases DESC
