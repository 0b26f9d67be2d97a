--! state_limit = 100000
--! recompute = true
SELECT median(spent) AS middle
FROM (SELECT customer_id, sum(price) AS spent FROM orders
GROUP BY customer_id)
