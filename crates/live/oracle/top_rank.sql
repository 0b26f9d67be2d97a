--! state_limit = 100000
SELECT quantity, id, price, place
FROM (SELECT *, rank() OVER (PARTITION BY quantity ORDER BY category, paid) AS place FROM orders) WHERE place < 3
