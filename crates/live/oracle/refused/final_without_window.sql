--? `emit = "final"` gives rows whose window is over, and nothing in this result says when a row is
--? help: group by a window: `FROM tumble(t, ts, INTERVAL '1 minute') … GROUP BY window_start`; or write `--! emit = "changes"`
--? at: -
--! emit = "final"
SELECT count(*) AS n FROM orders
