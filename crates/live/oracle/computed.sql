SELECT id, upper(category) AS category, price * quantity AS amount, date_trunc('hour', ts) AS hour, CASE WHEN price > 50 THEN 'dear' ELSE 'cheap' END AS class FROM orders
