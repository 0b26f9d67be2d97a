SELECT date_bin(INTERVAL '1 minute', ts) AS minute, array_agg(id ORDER BY id) AS ids, string_agg(category, ',' ORDER BY id) AS categories FROM orders
GROUP BY date_bin(INTERVAL '1 minute', ts)
