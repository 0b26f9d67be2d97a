--! materialized = "table"
--! description = "Each transaction with what its customer did lately: features for models, none of which knows the future but amount_centred."
--! tests = [
--!   { not_null = ["customer_id", "transacted_at", "amount", "amount_mean_7_days", "transactions_7_days", "transaction_number"] },
--!   { unique = ["customer_id", "transaction_number"] },
--!   { name = "no_transaction_is_missing", sql = """
--!       SELECT counted, there FROM (SELECT count(*) AS counted FROM rolling_by_customer) a
--!       CROSS JOIN (SELECT count(*) AS there FROM transactions) b WHERE counted <> there""" },
--!   { name = "windows_hold_each_other", sql = """
--!       SELECT customer_id, transacted_at FROM rolling_by_customer
--!       WHERE transactions_1_day > transactions_7_days OR transactions_7_days > transactions_30_days""" },
--! ]
--! [columns]
--! customer_id = "the customer's number"
--! transacted_at = "instant of the transaction"
--! amount = "its amount"
--! transaction_type = "its type"
--! transaction_number = "1 for the customer's first"
--! amount_mean_7_days = "mean amount of the customer's transactions of the seven days up to it, itself included"
--! amount_sum_7_days = "their sum"
--! transactions_1_day = "how many of the customer's transactions there were in the 24 hours up to it"
--! transactions_7_days = "the same of seven days"
--! transactions_30_days = "the same of thirty days"
--! amount_mean_30_days = "mean amount of thirty days"
--! amount_max_30_days = "greatest amount of thirty days"
--! amount_mean_last_5 = "mean amount of this and the four before, however long ago"
--! amount_centred = "mean amount of the two before, itself, and the two after"
--! amount_so_far = "sum of the customer's amounts up to it"
--! amount_to_usual = "its amount against the mean of the ten before; none for the first"
--! hours_since_last = "hours since the customer's transaction before; none for the first"
SELECT
    customer_id,
    transacted_at,
    amount,
    transaction_type,
    CAST(row_number() OVER by_order AS BIGINT) AS transaction_number,
    avg(CAST(amount AS DOUBLE PRECISION)) OVER days_7 AS amount_mean_7_days,
    sum(amount) OVER days_7 AS amount_sum_7_days,
    count(*) OVER days_1 AS transactions_1_day,
    count(*) OVER days_7 AS transactions_7_days,
    count(*) OVER days_30 AS transactions_30_days,
    avg(CAST(amount AS DOUBLE PRECISION)) OVER days_30 AS amount_mean_30_days,
    max(amount) OVER days_30 AS amount_max_30_days,
    avg(CAST(amount AS DOUBLE PRECISION)) OVER (by_order ROWS BETWEEN 4 PRECEDING AND CURRENT ROW) AS amount_mean_last_5,
    avg(CAST(amount AS DOUBLE PRECISION)) OVER (by_order ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING) AS amount_centred,
    sum(amount) OVER (by_order ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS amount_so_far,
    CAST(amount AS DOUBLE PRECISION) / avg(CAST(amount AS DOUBLE PRECISION)) OVER (by_order ROWS BETWEEN 10 PRECEDING AND 1 PRECEDING) AS amount_to_usual,
    CAST(extract(epoch FROM transacted_at) - extract(epoch FROM lag(transacted_at) OVER by_order) AS DOUBLE PRECISION) / 3600 AS hours_since_last
FROM transactions
WINDOW
    by_order AS (PARTITION BY customer_id ORDER BY transacted_at, amount, transaction_type, device, location),
    days_1 AS (PARTITION BY customer_id ORDER BY transacted_at RANGE BETWEEN INTERVAL '1 day' PRECEDING AND CURRENT ROW),
    days_7 AS (PARTITION BY customer_id ORDER BY transacted_at RANGE BETWEEN INTERVAL '7 days' PRECEDING AND CURRENT ROW),
    days_30 AS (PARTITION BY customer_id ORDER BY transacted_at RANGE BETWEEN INTERVAL '30 days' PRECEDING AND CURRENT ROW)
