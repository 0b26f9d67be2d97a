--! description = "Fewer than five pieces lie in the warehouse of an article that sells: of which 25 were sold, or more."
--! severity = "warning"
--! key = "product_id"
--! state_limit = "10M rows"
--! renotify = "1h"
--! cooldown = "5m"
SELECT product_id, name, sold, pieces
FROM stock_now
WHERE pieces < 5 AND sold >= 25
