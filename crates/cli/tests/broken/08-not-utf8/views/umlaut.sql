-- Umsatz für alle
SELECT * FROM customers
