--! partition_by = "country"
SELECT * FROM customers
