--! materialized = "table"
CREATE TABLE made AS SELECT * FROM customers
