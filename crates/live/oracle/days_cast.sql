SELECT CAST(ts AS DATE) AS day, sum(total) AS total, avg(total) AS average FROM orders
GROUP BY CAST(ts AS DATE)
