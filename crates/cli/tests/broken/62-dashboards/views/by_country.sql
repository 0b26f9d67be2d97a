SELECT country, count(*) AS customers, avg(income) AS income_mean FROM customers GROUP BY country
