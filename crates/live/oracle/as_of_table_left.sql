--! lateness = "20s"
SELECT o.id, t.percent
FROM orders o
LEFT JOIN tariffs FOR SYSTEM_TIME AS OF o.ts AS t ON o.category = t.category AND t.percent > 5
WHERE o.price > 20 OR o.price < 10
