--! lateness = "10s"
--! late = "list"
--! sink = { connector = "webhook", url = "https://example.org" }
SELECT country, count(*) AS n FROM customers GROUP BY country
