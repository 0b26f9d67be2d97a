SELECT date_bin(INTERVAL '1 minute', ts) AS minute, category, sum(price) AS revenue FROM orders
GROUP BY date_bin(INTERVAL '1 minute', ts), category HAVING sum(price) > 60
