--? the first rows by `row_number` are kept of every partition for ever
--? help: partition by a window too, as in `PARTITION BY key, window_start`; or bound it: `--! state_limit = "1M rows"`
--? at: row_number
SELECT id, kind FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY ts) AS copy FROM events) WHERE copy = 1
