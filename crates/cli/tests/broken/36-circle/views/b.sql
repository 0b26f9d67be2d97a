--! materialized = "table"
SELECT c.id FROM c JOIN customers USING (id)
