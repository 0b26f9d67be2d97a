--! description = "customers by country"
--! tests = [
--!   { notnull = "country" },
--!   { unique = "country", severity = "fatal" },
--!   { accepted_values = { column = "country" } },
--!   { relationships = { column = "country", to = "countries", to_column = "name" } },
--!   { name = "some", sql = "SELECT * FROM v WHERE" },
--!   "not_null",
--! ]
SELECT country, count(*) AS n FROM customers GROUP BY country
