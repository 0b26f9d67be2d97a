--! materialized = "table"
--! description = "Each customer."
--! tests = [{ unique = "customer_id" }, { not_null = ["transactions", "amount"] }]
SELECT
    customer_id,
    count(*) AS transactions,
    sum(amount) AS amount,
    max(amount) AS amount_max,
    min(transacted_at) AS first_at,
    max(transacted_at) AS last_at,
    sum(CASE WHEN transaction_type IN ('Deposit', 'Refund') THEN amount ELSE 0 END) AS paid_in
FROM transactions
GROUP BY customer_id
