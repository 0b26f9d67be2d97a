--! state_limit = 100000
SELECT id, balance / sum(balance) OVER (PARTITION BY status) AS share FROM accounts WHERE balance > 100
