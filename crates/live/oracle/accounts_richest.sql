--! state_limit = 100000
SELECT id, balance FROM accounts ORDER BY balance DESC, id LIMIT 5
