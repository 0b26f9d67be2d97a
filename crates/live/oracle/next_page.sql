--! state_limit = 100000
SELECT user_id, ts, lead(page) OVER (PARTITION BY user_id ORDER BY ts) AS goes_to FROM clicks
