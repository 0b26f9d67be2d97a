--! materialized = "tabel"
SELECT * FROM customers
