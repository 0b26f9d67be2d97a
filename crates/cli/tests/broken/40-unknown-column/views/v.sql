--! materialized = "table"
SELECT country, sum(incme) AS income
FROM customers
GROUP BY country
