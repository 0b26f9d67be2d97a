WITH recent AS (SELECT * FROM order)
SELECT * FROM recent JOIN costumers ON true
