--! state_limit = 100000
SELECT a.id, a.status, count(o.id) AS orders FROM accounts a LEFT JOIN orders o ON o.customer_id = a.id
GROUP BY a.id, a.status
