--! materialized = "live"
--! lateness = "5s"
--! state_limit = "2M rows"
--! description = "Readings that are far from what their sensor gave just before."
--! tests = [{ not_null = ["id", "ts", "value", "of_median"] }]
--! [columns]
--! id = "the sensor"
--! ts = "when it was read"
--! value = "what was read"
--! of_mean = "deviations from the exponentially weighted mean before it"
--! of_median = "robust deviations from the median of the 31 readings before it"
SELECT id, ts, value, of_mean, of_median
FROM scores
WHERE known = 31 AND abs(of_median) > 8 AND abs(of_mean) > 4
