--! materialized = "table"
--! description = "On what they do it."
--! tests = [
--!   { unique = "device" },
--!   { not_null = ["device", "transactions", "amount"] },
--!   { name = "no_transaction_is_missing", sql = """
--!       SELECT counted, there FROM (SELECT sum(transactions) AS counted FROM by_device) a
--!       CROSS JOIN (SELECT count(*) AS there FROM transactions) b WHERE counted <> there""" },
--! ]
--! [columns]
--! device = "Mobile, Desktop, Tablet, POS, ATM or Unknown"
--! transactions = "how many"
--! customers = "whose"
--! amount = "sum of their amounts"
--! amount_mean = "mean amount"
--! amount_median = "median amount"
--! share_percent = "share of all amounts"
--! outliers_percent = "share of transactions whose amount is far from the rest"
SELECT
    device,
    count(*) AS transactions,
    count(DISTINCT customer_id) AS customers,
    sum(amount) AS amount,
    avg(CAST(amount AS DOUBLE PRECISION)) AS amount_mean,
    median(CAST(amount AS DOUBLE PRECISION)) AS amount_median,
    100 * CAST(sum(amount) AS DOUBLE PRECISION) / sum(CAST(sum(amount) AS DOUBLE PRECISION)) OVER () AS share_percent,
    CAST(100 * count(*) FILTER (WHERE amount_outlier) AS DOUBLE PRECISION) / count(*) AS outliers_percent
FROM transactions
GROUP BY device
