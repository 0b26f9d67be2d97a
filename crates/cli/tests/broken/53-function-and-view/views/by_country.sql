SELECT country, cuont(*) AS customers FROM customers GROUP BY country
