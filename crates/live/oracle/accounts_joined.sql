--! state_limit = 100000
SELECT a.id, a.status, o.id AS order_id FROM accounts a JOIN orders o ON o.customer_id = a.id
