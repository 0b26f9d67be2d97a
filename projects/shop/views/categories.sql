--! materialized = "table"
--! description = "A small side of the star: the categories, with what they are in the catalogue."
--! tests = [
--!   { unique = "category" },
--! ]
--! [columns]
--! category = "category"
--! articles = "articles"
--! suppliers = "different suppliers"
--! price_median = "median price, in euros"
--! is_dear = "whether that is above the median of all articles"
SELECT
    coalesce(category, 'unknown') AS category,
    count(*) AS articles,
    count(DISTINCT supplier) AS suppliers,
    median(CAST(price AS DOUBLE)) AS price_median,
    median(CAST(price AS DOUBLE)) > (SELECT median(CAST(price AS DOUBLE)) FROM products) AS is_dear
FROM products
GROUP BY coalesce(category, 'unknown')
