SELECT o.id, c.country FROM orders o LEFT JOIN customers c ON o.customer_id = c.id AND c.limit_of_credit > o.price
