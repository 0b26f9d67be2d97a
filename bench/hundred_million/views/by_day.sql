--! materialized = "table"
--! description = "Each day, with a rolling mean."
--! tests = [{ unique = "day" }, { not_null = ["transactions", "amount"] }]
WITH days AS (
    SELECT CAST(transacted_at AS DATE) AS day, count(*) AS transactions, sum(amount) AS amount
    FROM transactions
    GROUP BY CAST(transacted_at AS DATE)
)
SELECT
    day,
    transactions,
    amount,
    CAST(sum(amount) OVER week AS DOUBLE PRECISION) / count(*) OVER week AS amount_mean_7_days
FROM days
WINDOW week AS (ORDER BY day RANGE BETWEEN INTERVAL '6 days' PRECEDING AND CURRENT ROW)
