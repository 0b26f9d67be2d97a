--? `sum(…) OVER` keeps where it stands for every partition for ever
--? help: partition by a window too, or by nothing; or bound it: `--! state_limit = "1M rows"`
--? at: sum
SELECT id, sum(price) OVER (PARTITION BY category ORDER BY ts) AS so_far FROM orders
