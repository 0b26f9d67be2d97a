SELECT date_bin(INTERVAL '1 minute', ts) AS minute, category, paid, quantity, count(*) AS n FROM orders
GROUP BY date_bin(INTERVAL '1 minute', ts), category, paid, quantity
