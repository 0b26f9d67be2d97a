--! description = "The newest word of a sensor is that it is offline."
--! severity = "critical"
--! key = "id"
--! state_limit = "2M rows"
--! renotify = "10m"
SELECT id, ts FROM sensors_now WHERE status = 'offline'
