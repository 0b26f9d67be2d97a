--! materialised = "table"
SELECT country, count(*) AS n FROM costumers GROUP BY country
