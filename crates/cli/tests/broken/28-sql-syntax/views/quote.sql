-- who lives in the UK
SELECT name
FROM customers
WHERE country = 'UK
