--? `row_number() OVER` numbers rows in no order
--? help: write ORDER BY into OVER, by columns that name one row of the partition; or `--! deterministic = false`
--? at: row_number
SELECT id, row_number() OVER (PARTITION BY category) AS n FROM orders
