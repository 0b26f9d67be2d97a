--! description = "A customer ordered five times or more within ten minutes."
--! severity = "critical"
--! lateness = "10s"
--! key = "customer_id"
--! renotify = "10m"
--! cooldown = "10m"
--! resolve_after = "30m"
SELECT window_start, window_end, customer_id, count(*) AS orders, min(ordered_at) AS first_at, max(ordered_at) AS last_at
FROM tumble(orders, ordered_at, INTERVAL '10 minutes')
GROUP BY window_start, window_end, customer_id
HAVING count(*) >= 5
