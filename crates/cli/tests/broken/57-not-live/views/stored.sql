--! materialized = "table"
--! key = "country"
--! state_limit = "1M rows"
SELECT country, count(*) AS n FROM customers GROUP BY country
