--? `now` gives something else each time, so a live view of it is never current
--? help: compare with event times instead, or write `--! deterministic = false` and it is computed when a row comes
--? at: now
SELECT id FROM orders WHERE ts > now() - INTERVAL '1 hour'
