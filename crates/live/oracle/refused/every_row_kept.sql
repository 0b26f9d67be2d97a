--? `ntile(…) OVER` keeps every row for ever
--? help: order by the event time and look back a bounded way (`ROWS 9 PRECEDING`, `RANGE INTERVAL '1 hour' PRECEDING`), or partition by a window; or bound it: `--! state_limit = "1M rows"`
--? at: ntile
SELECT id, ntile(4) OVER (PARTITION BY category ORDER BY price, id) AS quarter FROM orders
