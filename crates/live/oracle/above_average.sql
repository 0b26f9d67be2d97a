SELECT id, price FROM orders WHERE price > (SELECT avg(limit_of_credit) FROM customers)
