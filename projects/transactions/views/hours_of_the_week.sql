--! description = "When: transactions by weekday and hour."
--! tests = [{ unique = ["weekday", "hour"] }, { not_null = ["weekday", "hour", "transactions"] }]
--! [columns]
--! weekday = "1 on Monday to 7 on Sunday"
--! hour = "0 to 23, UTC"
--! transactions = "how many"
--! amount_mean = "mean amount"
--! to_mean = "how many, against the mean of all hours of the week"
SELECT
    weekday,
    hour,
    count(*) AS transactions,
    avg(CAST(amount AS DOUBLE PRECISION)) AS amount_mean,
    CAST(count(*) AS DOUBLE PRECISION) / avg(CAST(count(*) AS DOUBLE PRECISION)) OVER () AS to_mean
FROM transactions
GROUP BY weekday, hour
