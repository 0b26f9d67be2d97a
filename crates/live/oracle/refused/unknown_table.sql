--? `tables` cannot be read by a live view
--? help: a live view reads tables of the project and other views
--? at: tables
SELECT 1 AS one FROM information_schema.tables
