--! state_limit = 100000
SELECT customer_id, sum(total) AS total, max(ts) AS last_ts FROM orders
GROUP BY customer_id HAVING count(*) > 10
