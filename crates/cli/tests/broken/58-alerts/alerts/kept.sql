--! severity = "fatal"
--! renotify = "0s"
--! cooldown = "an hour"
--! actions = ["log", { connector = "webhoook", url = "https://example.org" }, 7, { url = "https://example.org" }]
--! sink = { connector = "webhook" }
SELECT run_id FROM system.runs WHERE status = 'failed' AND ended_at > now() - INTERVAL '1 hour'
