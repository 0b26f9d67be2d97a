--! materialized = "live"
--! state_limit = "100k rows"
--! description = "The newest reading of each sensor."
--! tests = [{ unique = "id" }]
--! [columns]
--! id = "the sensor"
--! ts = "when it was last read"
--! value = "what was read"
--! status = "what the sensor said of itself"
SELECT id, ts, value, status
FROM (
    SELECT id, ts, value, status, row_number() OVER (PARTITION BY id ORDER BY ts DESC) AS nth
    FROM readings
) numbered
WHERE nth = 1
