--! materialized = "table"
--! description = "By device, gender and age."
--! tests = [{ unique = ["device", "gender", "age"] }, { not_null = ["transactions", "amount"] }]
SELECT device, gender, age, count(*) AS transactions, sum(amount) AS amount
FROM transactions
GROUP BY device, gender, age
