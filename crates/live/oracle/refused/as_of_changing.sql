--? this join keeps every row of its left side for ever
--? help: bound both sides by each other's time: `ON a.id = b.id AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '10 minutes'`; or bound it: `--! state_limit = "1M rows"`
--? at: JOIN
SELECT o.id, d.percent FROM orders o JOIN discounts FOR SYSTEM_TIME AS OF o.ts AS d ON o.category = d.category
