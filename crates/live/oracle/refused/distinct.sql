--? DISTINCT keeps every group for ever
--? help: group by a window over the event time; or bound it: `--! state_limit = "1M rows"`
--? at: DISTINCT
SELECT DISTINCT page FROM clicks
