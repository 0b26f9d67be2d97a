--! materialized = "live"
--! description = "One-minute windows of each status."
SELECT window_start, status, count(*) AS readings, avg(value) AS mean, max(value) AS greatest
FROM tumble(readings, ts, INTERVAL '1 minute')
GROUP BY window_start, status
