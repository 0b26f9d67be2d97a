SELECT country, count(*) AS n,
FROM customers
GROUP BY country
