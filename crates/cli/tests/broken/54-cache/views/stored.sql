--! materialized = "table"
--! cache = true
SELECT id, now() AS seen FROM customers
