--! materialized = "live"
--! lateness = "5s"
--! description = "Each sensor's minute: mean, least, greatest, and how many readings."
--! tests = [{ unique = ["id", "window_start"] }, { name = "in_between", sql = "SELECT * FROM by_minute WHERE mean < least - 1e-9 OR mean > greatest + 1e-9" }]
--! [columns]
--! id = "the sensor"
--! window_start = "begin of the minute"
--! readings = "readings with a value"
--! mean = "mean value"
--! least = "least value"
--! greatest = "greatest value"
SELECT id, window_start, count(*) AS readings, avg(value) AS mean, min(value) AS least, max(value) AS greatest
FROM tumble(heard, ts, INTERVAL '1 minute')
GROUP BY id, window_start
