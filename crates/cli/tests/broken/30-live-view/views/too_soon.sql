--! materialized = "live"
--! late = "update"
SELECT country, count(*) AS n FROM customers GROUP BY country
