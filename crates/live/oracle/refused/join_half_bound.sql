--? this join keeps every row of its left side for ever
--? help: bound both sides by each other's time: `ON a.id = b.id AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '10 minutes'`; or bound it: `--! state_limit = "1M rows"`
--? at: JOIN
SELECT o.id, p.payment FROM orders o JOIN payments p ON p.order_id = o.id AND p.paid_at >= o.ts
