--! materialized = "table"
--! description = "Each city and type."
--! tests = [{ unique = ["location", "transaction_type"] }, { not_null = ["transactions", "amount"] }]
SELECT
    location,
    transaction_type,
    count(*) AS transactions,
    sum(amount) AS amount,
    -- From exact sums: floats that are added in another order differ in their last digits, and results are compared to the last.
    CAST(sum(amount) AS DOUBLE PRECISION) / count(*) AS amount_mean,
    -- Where all amounts are equal, the difference may come out a hair below zero.
    sqrt(greatest(0.0, CAST(sum(amount * amount) AS DOUBLE PRECISION) - CAST(sum(amount) AS DOUBLE PRECISION) * CAST(sum(amount) AS DOUBLE PRECISION) / count(*))
        / nullif(count(*) - 1, 0)) AS amount_deviation
FROM transactions
GROUP BY location, transaction_type
