--! materialized = "table"
--! description = "One row per customer: how much, how often, when, where."
--! tests = [
--!   { unique = "customer_id" },
--!   { not_null = ["customer_id", "transactions", "amount", "amount_mean"] },
--!   { relationships = { column = "customer_id", to = "transactions", to_column = "customer_id" } },
--! ]
--! [columns]
--! customer_id = "the customer's number"
--! age = "age in years"
--! gender = "Female, Male, Other or Unknown"
--! transactions = "how many"
--! amount = "sum of their amounts"
--! amount_mean = "mean amount"
--! amount_deviation = "sample standard deviation of the amounts; none for a single one"
--! amount_max = "greatest amount"
--! first_at = "the first transaction"
--! last_at = "the latest"
--! days_active = "days with any"
--! locations = "cities they were in"
--! devices = "devices they were done on"
--! night_percent = "share of those before six in the morning, UTC"
--! weekend_percent = "share of those on Saturdays and Sundays"
--! paid_in = "sum of deposits and refunds"
--! paid_out = "sum of everything else"
SELECT
    customer_id,
    max(age) AS age,
    max(gender) AS gender,
    count(*) AS transactions,
    sum(amount) AS amount,
    avg(CAST(amount AS DOUBLE PRECISION)) AS amount_mean,
    stddev_samp(CAST(amount AS DOUBLE PRECISION)) AS amount_deviation,
    max(amount) AS amount_max,
    min(transacted_at) AS first_at,
    max(transacted_at) AS last_at,
    count(DISTINCT CAST(transacted_at AS DATE)) AS days_active,
    count(DISTINCT location) AS locations,
    count(DISTINCT device) AS devices,
    CAST(100 * count(*) FILTER (WHERE is_night) AS DOUBLE PRECISION) / count(*) AS night_percent,
    CAST(100 * count(*) FILTER (WHERE is_weekend) AS DOUBLE PRECISION) / count(*) AS weekend_percent,
    coalesce(sum(amount) FILTER (WHERE transaction_type IN ('Deposit', 'Refund')), 0) AS paid_in,
    coalesce(sum(amount) FILTER (WHERE transaction_type NOT IN ('Deposit', 'Refund')), 0) AS paid_out
FROM transactions
GROUP BY customer_id
