--! materialized = "table"
--! description = "Each city and type."
--! tests = [{ unique = ["location", "transaction_type"] }, { not_null = ["transactions", "amount"] }]
SELECT
    location,
    transaction_type,
    count(*) AS transactions,
    sum(amount) AS amount,
    -- To a millionth: added in another order, floats differ in their last digits.
    round(avg(CAST(amount AS DOUBLE PRECISION)), 6) AS amount_mean,
    round(stddev_samp(CAST(amount AS DOUBLE PRECISION)), 6) AS amount_deviation
FROM transactions
GROUP BY location, transaction_type
