--! materialized = "table"
--! description = "All of them."
--! tests = [{ unique = "transactions" }, { not_null = ["transactions", "amount"] }]
SELECT
    count(*) AS transactions,
    sum(amount) AS amount,
    sum(CAST(age AS BIGINT)) AS ages,
    count(*) FILTER (WHERE amount_filled) AS amounts_filled,
    count(*) FILTER (WHERE transacted_at_filled) AS instants_filled,
    min(transacted_at) AS first_at,
    max(transacted_at) AS last_at
FROM transactions
