--! description = "What is not the transaction's own: cells that were filled with the best guess there was, and what stayed unknown."
--! tests = [{ unique = "what" }, { not_null = ["what", "transactions", "percent"] }]
--! [columns]
--! what = "which cells"
--! transactions = "transactions concerned"
--! percent = "of all transactions"
WITH counted AS (
    SELECT 'age is the median' AS what, count(*) FILTER (WHERE age_filled) AS transactions, count(*) AS there FROM transactions
    UNION ALL SELECT 'amount is the median of the type', count(*) FILTER (WHERE amount_filled), count(*) FROM transactions
    UNION ALL SELECT 'instant is that of the row before', count(*) FILTER (WHERE transacted_at_filled), count(*) FROM transactions
    UNION ALL SELECT 'gender is unknown', count(*) FILTER (WHERE gender = 'Unknown'), count(*) FROM transactions
    UNION ALL SELECT 'type is unknown', count(*) FILTER (WHERE transaction_type = 'Unknown'), count(*) FROM transactions
    UNION ALL SELECT 'city is unknown', count(*) FILTER (WHERE location = 'Unknown'), count(*) FROM transactions
    UNION ALL SELECT 'device is unknown', count(*) FILTER (WHERE device = 'Unknown'), count(*) FROM transactions
)
SELECT what, transactions, CAST(100 * transactions AS DOUBLE PRECISION) / there AS percent FROM counted
