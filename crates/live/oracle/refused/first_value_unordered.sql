--? `first_value` depends on the order of rows, and none is given
--? help: write `first_value(… ORDER BY …)`, or `--! deterministic = false`
--? at: first_value
SELECT date_trunc('hour', ts) AS hour, first_value(price) AS p FROM orders GROUP BY 1
