--? `median` over all rows keeps a value per row for ever
--? help: group by a window; or bound it: `--! state_limit = "1M rows"`
--? at: median
SELECT median(price) AS middle FROM orders
