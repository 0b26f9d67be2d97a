--? GROUP BY without a window keeps every group for ever
--? help: group by a window over the event time; or bound it: `--! state_limit = "1M rows"`
--? at: GROUP
SELECT customer_id, count(*) AS n FROM orders GROUP BY customer_id
