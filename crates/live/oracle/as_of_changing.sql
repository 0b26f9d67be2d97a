--! lateness = "20s"
--! state_limit = 100000
-- Versions that get their end while orders come: what was said of later orders is taken back.
SELECT o.id, d.percent
FROM orders o
JOIN discounts FOR SYSTEM_TIME AS OF o.ts AS d ON o.category = d.category
