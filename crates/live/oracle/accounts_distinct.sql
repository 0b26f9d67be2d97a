--! state_limit = 100000
SELECT DISTINCT status, visits > 25 AS often FROM accounts
