--! materialized = "table"
--! description = "The article table to work with: what it is, how it sells, what it earns, how fast it leaves the warehouse."
--! tests = [
--!   { unique = "product_id" },
--!   { not_null = ["popularity_score"] },
--!   { name = "within_bounds", sql = "SELECT * FROM product_metrics WHERE popularity_score < 0 OR popularity_score > 100 OR profit_margin > 1" },
--! ]
--! [columns]
--! product_id = "article"
--! name = "name"
--! category = "category, unknown where it is not known"
--! supplier = "supplier"
--! price = "price today, in euros"
--! units = "pieces sold"
--! net = "revenue, in euros"
--! reviews = "reviews with a rating"
--! rating_mean = "mean rating; NULL without any"
--! popularity_score = "0 to 100: by rank among all articles, of pieces (50), of customers (25), of pieces lately (10), and by rating (15; three stars without any)"
--! profit_margin = "share of revenue that is profit; by price and cost today where nothing was sold"
--! inventory_turnover = "how often the stock was sold in a year"
--! rank_in_category = "1 earns most in its category; ties by number"
--! recommendation_rank = "filled when a model exists: place among what is recommended"
WITH rated AS (
    SELECT product_id, count(rating) AS reviews, avg(CAST(rating AS DOUBLE)) AS rating_mean FROM reviews GROUP BY product_id
)
SELECT
    p.product_id,
    p.name,
    coalesce(p.category, 'unknown') AS category,
    p.supplier,
    p.price,
    s.units,
    s.net,
    coalesce(r.reviews, 0) AS reviews,
    r.rating_mean,
    50.0 * percent_rank() OVER (ORDER BY s.units)
        + 25.0 * percent_rank() OVER (ORDER BY s.customers)
        + 10.0 * percent_rank() OVER (ORDER BY s.units_90_days)
        + 15.0 * (coalesce(r.rating_mean, 3.0) - 1.0) / 4.0 AS popularity_score,
    coalesce(margin(CAST(s.net AS DOUBLE), CAST(s.cost AS DOUBLE)), margin(CAST(p.price AS DOUBLE), CAST(p.cost AS DOUBLE))) AS profit_margin,
    t.inventory_turnover,
    row_number() OVER (PARTITION BY coalesce(p.category, 'unknown') ORDER BY s.net DESC, p.product_id) AS rank_in_category,
    CAST(NULL AS BIGINT) AS recommendation_rank
FROM products p
JOIN product_sales s ON s.product_id = p.product_id
JOIN product_stock t ON t.product_id = p.product_id
LEFT JOIN rated r ON r.product_id = p.product_id
