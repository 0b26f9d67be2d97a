--! materialized = "table"
--! description = "Each day, and what is usual around it."
--! tests = [
--!   { unique = "day" },
--!   { not_null = ["day", "transactions", "amount", "amount_mean_7_days"] },
--!   { name = "nothing_is_missing", sql = """
--!       SELECT counted, there FROM (SELECT sum(amount) AS counted FROM daily_totals) a
--!       CROSS JOIN (SELECT sum(amount) AS there FROM transactions) b WHERE counted <> there""" },
--! ]
--! [columns]
--! day = "the day, in UTC"
--! transactions = "how many there were"
--! customers = "whose"
--! amount = "sum of their amounts"
--! amount_mean_7_days = "mean daily sum of the seven days up to it"
--! amount_mean_30_days = "mean daily sum of the thirty days up to it"
--! amount_least_30_days = "smallest daily sum of the thirty days up to it"
--! amount_most_30_days = "greatest daily sum of the thirty days up to it"
--! transactions_mean_7_days = "mean number of transactions a day, of the seven days up to it"
--! change_percent = "sum against the same weekday a week before; none for the first week"
--! amount_so_far = "sum since the beginning"
WITH days AS (
    SELECT
        CAST(transacted_at AS DATE) AS day,
        count(*) AS transactions,
        count(DISTINCT customer_id) AS customers,
        sum(amount) AS amount
    FROM transactions
    GROUP BY CAST(transacted_at AS DATE)
)
SELECT
    day,
    transactions,
    customers,
    amount,
    avg(CAST(amount AS DOUBLE PRECISION)) OVER week AS amount_mean_7_days,
    avg(CAST(amount AS DOUBLE PRECISION)) OVER month AS amount_mean_30_days,
    min(amount) OVER month AS amount_least_30_days,
    max(amount) OVER month AS amount_most_30_days,
    avg(CAST(transactions AS DOUBLE PRECISION)) OVER week AS transactions_mean_7_days,
    100 * (CAST(amount AS DOUBLE PRECISION) / CAST(first_value(amount) OVER week_before AS DOUBLE PRECISION) - 1) AS change_percent,
    sum(amount) OVER (ORDER BY day) AS amount_so_far
FROM days
WINDOW
    week AS (ORDER BY day RANGE BETWEEN INTERVAL '6 days' PRECEDING AND CURRENT ROW),
    month AS (ORDER BY day RANGE BETWEEN INTERVAL '29 days' PRECEDING AND CURRENT ROW),
    week_before AS (ORDER BY day RANGE BETWEEN INTERVAL '7 days' PRECEDING AND INTERVAL '7 days' PRECEDING)
