--! materialized = "live"
--! lateness = "5s"
--! state_limit = "2M rows"
--! description = "How strange each reading is for its sensor, by three detectors that know only what came before."
--! tests = [{ not_null = ["id", "ts", "value"] }]
--! [columns]
--! id = "the sensor"
--! ts = "when it was read"
--! value = "what was read"
--! of_mean = "deviations from the exponentially weighted mean before it"
--! of_median = "robust deviations from the median of the 31 readings before it"
--! known = "how many of these 31 there were: fewer while a sensor is new"
--! of_season = "deviations from what it used to be at this hour of the day"
SELECT
    id,
    ts,
    value,
    ewma_zscore(value, 0.1) OVER in_order AS of_mean,
    mad_score(value, 31) OVER in_order AS of_median,
    count(*) OVER (PARTITION BY id ORDER BY ts ROWS BETWEEN 31 PRECEDING AND 1 PRECEDING) AS known,
    seasonal_score(value, ts, INTERVAL '1 day', 24) OVER in_order AS of_season
FROM heard
WINDOW in_order AS (PARTITION BY id ORDER BY ts)
