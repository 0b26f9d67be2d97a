--! state_limit = 100000
SELECT category, id, price
FROM (SELECT *, row_number() OVER (PARTITION BY category ORDER BY price DESC, id) AS place FROM orders) WHERE place <= 3
