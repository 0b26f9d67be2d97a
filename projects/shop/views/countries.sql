--! materialized = "table"
--! description = "A small side of the star: the countries, with how many customers are there."
--! tests = [
--!   { unique = "country" },
--! ]
--! [columns]
--! country = "country"
--! customers = "registered customers"
--! regions = "different regions"
--! is_main_market = "among the five countries with most customers"
SELECT
    country,
    customers,
    regions,
    row_number() OVER (ORDER BY customers DESC, country) <= 5 AS is_main_market
FROM (
    SELECT coalesce(country, 'unknown') AS country, count(*) AS customers, count(DISTINCT region) AS regions
    FROM customers
    GROUP BY coalesce(country, 'unknown')
) AS c
