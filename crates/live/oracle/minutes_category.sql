SELECT date_bin(INTERVAL '1 minute', ts) AS minute, category, count(*) AS orders, sum(price) AS revenue, avg(price) AS average, min(price) AS least, max(price) AS most FROM orders
GROUP BY date_bin(INTERVAL '1 minute', ts), category
