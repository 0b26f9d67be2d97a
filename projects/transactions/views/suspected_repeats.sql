--! description = "Transactions that equal one of the same customer's, at most 90 seconds before, in everything but the instant: sent twice, or meant twice. Kept in transactions; for the bank to look up."
--! tests = [{ not_null = ["customer_id", "transacted_at", "seconds_after"] }]
--! [columns]
--! customer_id = "the customer's number"
--! transacted_at = "instant of the later one"
--! seconds_after = "seconds after the earlier one"
--! amount = "their amount"
--! transaction_type = "their type"
--! location = "their city"
--! device = "their device"
WITH marked AS (
    SELECT
        customer_id, transacted_at, amount, transaction_type, location, device,
        CAST(extract(epoch FROM transacted_at) - extract(epoch FROM lag(transacted_at) OVER (
            PARTITION BY customer_id, amount, transaction_type, location, device ORDER BY transacted_at
        )) AS DOUBLE PRECISION) AS seconds_after
    FROM transactions
    WHERE NOT transacted_at_filled AND NOT amount_filled
)
SELECT customer_id, transacted_at, seconds_after, amount, transaction_type, location, device
FROM marked
WHERE seconds_after <= 90
