SELECT id FROM orders WHERE price < 0
