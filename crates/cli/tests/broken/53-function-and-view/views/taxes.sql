SELECT country, sum(gross(income)) AS gross, sum(vat(income)) AS vat FROM customers GROUP BY country
