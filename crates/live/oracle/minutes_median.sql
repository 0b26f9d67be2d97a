SELECT date_bin(INTERVAL '1 minute', ts) AS minute, median(price) AS middle, percentile_cont(0.9) WITHIN GROUP (ORDER BY price) AS p90 FROM orders
GROUP BY date_bin(INTERVAL '1 minute', ts)
