--? LIMIT without ORDER BY takes any rows, and others each time
--? help: write ORDER BY with columns that name one row
--? at: LIMIT
SELECT id FROM orders LIMIT 5
