SELECT a.id AS first_id, b.id AS second_id FROM orders a JOIN orders b ON a.customer_id = b.customer_id AND b.ts > a.ts AND b.ts <= a.ts + INTERVAL '3 minutes'
