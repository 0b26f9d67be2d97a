--! description = "The shop's own machinery: rows wait, answers are slow, too many rows are refused, a view has stopped, or a source can't be reached."
--! severity = "critical"
--! every = "5s"
--! key = ["what", "place"]
--! renotify = "5m"
--! cooldown = "30s"
SELECT 'lag' AS what, "table" AS place, CAST(behind AS DOUBLE PRECISION) AS measured, 'rows wait' AS meaning
FROM system.streams WHERE behind > 100000
UNION ALL
SELECT 'error rate', "table", CAST(rejected AS DOUBLE PRECISION) / rows_in, 'of the rows are refused'
FROM system.streams WHERE rows_in > 1000 AND rejected > rows_in / 10
UNION ALL
SELECT 'source', "table", NULL, trouble
FROM system.streams WHERE trouble IS NOT NULL
UNION ALL
SELECT 'latency', "view", latency_ms_p99, 'milliseconds until rows can be asked for, of one in a hundred'
FROM system.live_views WHERE latency_ms_p99 > 1000
UNION ALL
SELECT 'stopped', "view", NULL, failed
FROM system.live_views WHERE failed IS NOT NULL
