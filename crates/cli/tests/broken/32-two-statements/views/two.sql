SELECT count(*) AS n FROM customers;

SELECT 2 AS n;
