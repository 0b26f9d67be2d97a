--! materialized = "live"
SELECT id, count(*) AS n FROM events GROUP BY id
