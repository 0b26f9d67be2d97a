SELECT date_bin(INTERVAL '1 minute', ts) AS minute, count(*) FILTER (WHERE paid) AS paid, sum(price) FILTER (WHERE quantity > 2) AS large, avg(quantity) FILTER (WHERE NOT paid) AS unpaid FROM orders
GROUP BY date_bin(INTERVAL '1 minute', ts)
