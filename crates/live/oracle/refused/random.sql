--? `random` gives something else each time, so a live view of it is never current
--? help: compare with event times instead, or write `--! deterministic = false` and it is computed when a row comes
--? at: random
SELECT id, random() AS chance FROM orders
