--! state_limit = 100000
SELECT count(DISTINCT user_id) AS users, count(DISTINCT page) AS pages, count(*) AS clicks FROM clicks
