--! state_limit = 100000
SELECT DISTINCT ON (user_id) user_id, page, ts FROM clicks ORDER BY user_id, ts DESC
