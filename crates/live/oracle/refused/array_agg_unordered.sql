--? `array_agg` depends on the order of rows, and none is given
--? help: write `array_agg(… ORDER BY …)`, or `--! deterministic = false`
--? at: array_agg
SELECT date_trunc('hour', ts) AS hour, array_agg(id) AS ids FROM orders GROUP BY 1
