--! state_limit = 100000
--! recompute = true
SELECT status, median(balance) AS middle FROM accounts GROUP BY status
