--! state_limit = 100000
SELECT status, stddev(balance) AS deviation, var_pop(balance) AS variance, count(DISTINCT visits) AS visits FROM accounts
GROUP BY status
