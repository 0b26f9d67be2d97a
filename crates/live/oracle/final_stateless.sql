--! emit = "final"
SELECT id, price FROM orders WHERE price > 20
