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
    round(avg(CAST(amount AS DOUBLE PRECISION)) OVER (ORDER BY day RANGE BETWEEN INTERVAL '6 days' PRECEDING AND CURRENT ROW), 6) AS amount_mean_7_days
FROM days
