--! materialized = "live"
--! description = "Readings with a value, with the hour of the day and the value in Fahrenheit: what the other views are made from."
--! tests = [{ not_null = ["id", "ts", "value", "fahrenheit"] }]
--! [columns]
--! id = "the sensor"
--! ts = "when it was read"
--! value = "degrees Celsius"
--! fahrenheit = "the same in Fahrenheit"
--! hour = "hour of the day, UTC"
--! status = "what the sensor says of itself"
SELECT id, ts, value, value * 1.8 + 32 AS fahrenheit, CAST(extract(hour FROM ts) AS BIGINT) AS hour, status
FROM readings
WHERE value IS NOT NULL AND status <> 'offline'
