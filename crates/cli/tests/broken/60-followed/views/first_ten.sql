--! materialized = "live"
SELECT id, amount FROM events LIMIT 10
