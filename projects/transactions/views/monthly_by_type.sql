--! materialized = "table"
--! description = "Months, by type of transaction."
--! tests = [{ unique = ["year", "month", "transaction_type"] }, { not_null = ["transactions", "amount"] }]
--! [columns]
--! year = "year"
--! month = "1 to 12"
--! transaction_type = "Purchase, Payment, Transfer, Withdrawal, Deposit, Refund or Unknown"
--! transactions = "how many"
--! amount = "sum of their amounts"
--! change_percent = "sum against the month before; none for the first"
--! amount_mean_3_months = "mean sum of this month and the two before"
WITH months AS (
    SELECT year, month, transaction_type, count(*) AS transactions, sum(amount) AS amount
    FROM transactions
    GROUP BY year, month, transaction_type
)
SELECT
    year,
    month,
    transaction_type,
    transactions,
    amount,
    100 * (CAST(amount AS DOUBLE PRECISION) / CAST(lag(amount) OVER earlier AS DOUBLE PRECISION) - 1) AS change_percent,
    avg(CAST(amount AS DOUBLE PRECISION)) OVER (
        PARTITION BY transaction_type ORDER BY year, month ROWS BETWEEN 2 PRECEDING AND CURRENT ROW
    ) AS amount_mean_3_months
FROM months
WINDOW earlier AS (PARTITION BY transaction_type ORDER BY year, month)
