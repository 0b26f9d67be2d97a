SELECT o.id, c.name, c.country, o.price FROM orders o JOIN customers c ON o.customer_id = c.id
