--? NOT IN cannot be kept current
--? help: write `NOT EXISTS (SELECT … WHERE …)`, which says what becomes of NULL
--? at: NOT
--! state_limit = 1000
SELECT id FROM orders WHERE customer_id NOT IN (SELECT customer_id FROM payments p JOIN orders o ON o.id = p.order_id)
