--! lateness = "20s"
-- Each order at the tariff that held when it was made.
SELECT o.id, t.percent, o.price * (1 - t.percent / 100) AS reduced
FROM orders o
JOIN tariffs FOR SYSTEM_TIME AS OF o.ts AS t ON o.category = t.category
