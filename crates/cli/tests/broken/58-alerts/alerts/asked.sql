--! every = "10s"
--! lateness = "1m"
--! key = "countri"
--! actions = "lock"
SELECT country FROM customers WHERE income > 1000000
