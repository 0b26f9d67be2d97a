--! state_limit = 100000
SELECT category FROM orders INTERSECT SELECT kind FROM events
