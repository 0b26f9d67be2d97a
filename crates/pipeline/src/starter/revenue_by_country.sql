--! description = "Orders and revenue by country"
--! materialized = "table"
--! tests = [{ unique = "country" }, { not_null = ["country", "revenue"] }]
SELECT country, count(*) AS orders, round(sum(amount), 2) AS revenue
FROM orders
GROUP BY country
