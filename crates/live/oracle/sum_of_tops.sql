--! state_limit = 100000
SELECT sum(price) AS money, count(*) AS n
FROM (SELECT price, row_number() OVER (PARTITION BY category ORDER BY price DESC, id) AS place FROM orders) WHERE place <= 2
