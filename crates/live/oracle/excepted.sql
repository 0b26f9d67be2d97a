--! state_limit = 100000
SELECT customer_id FROM orders WHERE customer_id IS NOT NULL EXCEPT SELECT id FROM customers
