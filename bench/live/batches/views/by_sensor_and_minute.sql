--! materialized = "live"
--! description = "One-minute windows of each sensor: a group for every row, at ten million rows a week."
SELECT window_start, id, count(*) AS readings, avg(value) AS mean, max(value) AS greatest
FROM tumble(readings, ts, INTERVAL '1 minute')
GROUP BY window_start, id
