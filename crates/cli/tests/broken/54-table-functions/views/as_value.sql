SELECT name, richest('UK', 1) AS r FROM customers
