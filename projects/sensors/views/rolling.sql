--! materialized = "live"
--! lateness = "5s"
--! state_limit = "2M rows"
--! description = "Each reading with the means of its sensor's readings up to it."
--! tests = [{ not_null = ["id", "ts", "mean_10", "mean_hour"] }]
--! [columns]
--! id = "the sensor"
--! ts = "when it was read"
--! value = "what was read"
--! mean_10 = "mean of it and the nine before"
--! mean_hour = "mean of the hour up to it"
--! readings_hour = "how many these are"
SELECT
    id,
    ts,
    value,
    avg(value) OVER (PARTITION BY id ORDER BY ts ROWS BETWEEN 9 PRECEDING AND CURRENT ROW) AS mean_10,
    avg(value) OVER last_hour AS mean_hour,
    count(*) OVER last_hour AS readings_hour
FROM heard
WINDOW last_hour AS (PARTITION BY id ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW)
