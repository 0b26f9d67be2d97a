--? `median` cannot take values back, and its rows change
--? help: write `--! recompute = true` and the groups touched are computed anew, or `--! emit = "final"` where they come from windows
--? at: median
--! state_limit = 1000
SELECT status, median(balance) AS middle FROM accounts GROUP BY status
