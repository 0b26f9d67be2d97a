SELECT id, price FROM orders WHERE price > 90 OR customer_id IN (SELECT id FROM customers WHERE country = 'pl')
