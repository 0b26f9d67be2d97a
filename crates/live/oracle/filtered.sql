SELECT id, category, price FROM orders WHERE price > 30 AND category IN ('books', 'toys')
