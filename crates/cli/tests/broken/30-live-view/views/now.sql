--! materialized = "live"
SELECT count(*) AS n FROM customers
