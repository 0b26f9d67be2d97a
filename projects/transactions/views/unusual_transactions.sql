--! description = "Transactions of more than ten times what the customer's ten before were on average, or at least the tenth within a day."
--! tests = [{ not_null = ["customer_id", "transacted_at", "why"] }, { accepted_values = { column = "why", values = ["amount", "many in a day", "both"] } }]
--! [columns]
--! customer_id = "the customer's number"
--! transacted_at = "instant of the transaction"
--! amount = "its amount"
--! transaction_type = "its type"
--! amount_to_usual = "its amount against the mean of the customer's ten before"
--! transactions_1_day = "the customer's transactions in the 24 hours up to it"
--! why = "amount, many in a day, or both"
SELECT
    customer_id,
    transacted_at,
    amount,
    transaction_type,
    amount_to_usual,
    transactions_1_day,
    CASE WHEN amount_to_usual > 10 AND transactions_1_day >= 10 THEN 'both'
         WHEN amount_to_usual > 10 THEN 'amount'
         ELSE 'many in a day' END AS why
FROM rolling_by_customer
WHERE transaction_number > 10 AND (amount_to_usual > 10 OR transactions_1_day >= 10)
