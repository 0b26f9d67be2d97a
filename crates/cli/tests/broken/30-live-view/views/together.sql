--! materialized = "live"
--! lateness = "10s"
--! late = "update"
--! emit = "final"
--! state_limit = 1000
--! [sink]
--! connector = "pigeon"
SELECT country, count(*) AS n FROM customers GROUP BY country
