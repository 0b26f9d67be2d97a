--! state_limit = 100000
SELECT status, count(*) AS accounts, sum(balance) AS money, avg(balance) AS average, min(balance) AS least, max(balance) AS most FROM accounts
GROUP BY status
