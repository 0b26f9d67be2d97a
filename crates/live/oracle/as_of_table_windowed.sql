--! lateness = "20s"
SELECT window_start, o.category, sum(o.price * t.percent) AS rebate, count(*) AS orders
FROM tumble(orders, ts, INTERVAL '5 minutes') o
JOIN tariffs FOR SYSTEM_TIME AS OF o.ts AS t ON o.category = t.category
GROUP BY window_start, o.category
