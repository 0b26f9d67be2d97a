--! state_limit = 100000
SELECT category, count(*) AS orders, sum(price) AS revenue, stddev(price) AS deviation FROM orders
GROUP BY category
