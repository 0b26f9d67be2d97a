SELECT id AS what, ts FROM orders WHERE price > 80 UNION ALL SELECT payment, paid_at FROM payments WHERE amount > 60
