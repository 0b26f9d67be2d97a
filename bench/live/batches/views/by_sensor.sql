--! materialized = "live"
--! state_limit = "1M rows"
--! description = "All readings of each sensor."
SELECT id, count(*) AS readings, avg(value) AS mean, max(value) AS greatest FROM readings GROUP BY id
