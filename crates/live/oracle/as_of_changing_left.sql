--! lateness = "20s"
--! state_limit = 100000
SELECT o.category, count(*) AS orders, count(d.percent) AS reduced, sum(d.percent) AS percent
FROM orders o
LEFT JOIN discounts FOR SYSTEM_TIME AS OF o.ts AS d ON o.category = d.category
GROUP BY o.category
