SELECT date_bin(INTERVAL '1 minute', ts) AS minute, stddev(price) AS deviation, var_pop(price) AS variance, corr(price, quantity) AS correlation FROM orders
GROUP BY date_bin(INTERVAL '1 minute', ts)
