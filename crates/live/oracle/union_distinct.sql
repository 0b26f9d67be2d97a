--! state_limit = 100000
SELECT category AS what FROM orders UNION SELECT kind FROM events
