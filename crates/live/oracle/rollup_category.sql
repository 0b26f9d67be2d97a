--! state_limit = 10000
SELECT category, paid, count(*) AS n, sum(quantity) AS q FROM orders
GROUP BY ROLLUP (category, paid)
