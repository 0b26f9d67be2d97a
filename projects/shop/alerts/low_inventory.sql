--! description = "Fewer than five pieces of an article lie in the warehouse."
--! severity = "warning"
--! key = "product_id"
--! state_limit = "10M rows"
--! renotify = "1h"
--! cooldown = "5m"
SELECT product_id, name, pieces
FROM stock_now
WHERE pieces < 5
