--! state_limit = 100000
SELECT n AS orders, count(*) AS customers
FROM (SELECT customer_id, count(*) AS n FROM orders
GROUP BY customer_id)
GROUP BY n
