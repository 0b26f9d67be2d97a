--! state_limit = 100000
SELECT DISTINCT page, referrer FROM clicks
