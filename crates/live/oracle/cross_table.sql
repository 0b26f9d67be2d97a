SELECT o.id, c.id AS customer FROM orders o JOIN customers c ON o.price > c.limit_of_credit WHERE o.id < 60
