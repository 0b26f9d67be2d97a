--? `array_agg` depends on the order of rows, and none is given
--? help: write `array_agg(… ORDER BY …)`, or `--! deterministic = false`
--? at: array_agg
--? `first_value` depends on the order of rows, and none is given
--? help: write `first_value(… ORDER BY …)`, or `--! deterministic = false`
--? at: first_value
SELECT customer_id, count(*) AS n, array_agg(id) AS ids, first_value(price) AS p FROM orders GROUP BY customer_id
