SELECT category, count(*) AS orders FROM orders GROUP BY date_bin(INTERVAL '1 minute', ts), category
