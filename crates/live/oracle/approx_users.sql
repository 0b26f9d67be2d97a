--! state_limit = 100000
SELECT page, approx_distinct(user_id) AS users FROM clicks GROUP BY page
