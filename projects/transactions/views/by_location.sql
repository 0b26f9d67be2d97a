--! materialized = "table"
--! description = "Where they do it."
--! tests = [
--!   { unique = "location" },
--!   { not_null = ["location", "transactions", "amount"] },
--!   { name = "no_transaction_is_missing", sql = """
--!       SELECT counted, there FROM (SELECT sum(transactions) AS counted FROM by_location) a
--!       CROSS JOIN (SELECT count(*) AS there FROM transactions) b WHERE counted <> there""" },
--! ]
--! [columns]
--! location = "the city; Unknown where the row says none"
--! transactions = "how many"
--! customers = "whose"
--! amount = "sum of their amounts"
--! amount_mean = "mean amount"
--! amount_median = "median amount"
--! share_percent = "share of all amounts"
--! outliers_percent = "share of transactions whose amount is far from the rest"
SELECT
    location,
    count(*) AS transactions,
    count(DISTINCT customer_id) AS customers,
    sum(amount) AS amount,
    avg(CAST(amount AS DOUBLE PRECISION)) AS amount_mean,
    median(CAST(amount AS DOUBLE PRECISION)) AS amount_median,
    100 * CAST(sum(amount) AS DOUBLE PRECISION) / sum(CAST(sum(amount) AS DOUBLE PRECISION)) OVER () AS share_percent,
    CAST(100 * count(*) FILTER (WHERE amount_outlier) AS DOUBLE PRECISION) / count(*) AS outliers_percent
FROM transactions
GROUP BY location
