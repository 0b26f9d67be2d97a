SELECT count(*) AS n FROM customers
--! materialized = "table"
