--! materialized = "live"
SELECT count(*) AS n, now() AS at FROM customers
