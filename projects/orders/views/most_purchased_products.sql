--! materialized = "table"
--! description = "Products by pieces sold."
--! tests = [
--!   { unique = "product_id" },
--!   { unique = "position" },
--!   { not_null = ["product_id", "product_name", "category", "units", "orders", "revenue"] },
--!   { name = "no_piece_is_missing", sql = """
--!       SELECT counted, there FROM (SELECT sum(units) AS counted FROM most_purchased_products) a
--!       CROSS JOIN (SELECT sum(quantity) AS there FROM orders) b WHERE counted <> there""" },
--! ]
--! [columns]
--! position = "1 for the product of which most pieces were sold; of equal ones the lower number comes first"
--! product_id = "the product's number"
--! product_name = "its name"
--! category = "its category"
--! units = "pieces sold"
--! orders = "orders it is in"
--! customers = "who bought it"
--! revenue = "what those orders cost"
--! price_mean = "what a piece cost on average"
--! share_percent = "share of all pieces"
--! share_so_far_percent = "share of all pieces, of this product and those before it"
--! position_in_category = "1 for the most sold of its category"
WITH products AS (
    SELECT
        product_id,
        max(product_name) AS product_name,
        max(category) AS category,
        CAST(sum(quantity) AS BIGINT) AS units,
        count(*) AS orders,
        count(DISTINCT customer_id) AS customers,
        sum(total_amount) AS revenue
    FROM orders
    GROUP BY product_id
)
SELECT
    CAST(row_number() OVER (ORDER BY units DESC, product_id) AS BIGINT) AS position,
    product_id,
    product_name,
    category,
    units,
    orders,
    customers,
    revenue,
    CAST(revenue AS DOUBLE PRECISION) / units AS price_mean,
    100 * CAST(units AS DOUBLE PRECISION) / sum(units) OVER () AS share_percent,
    100 * CAST(sum(units) OVER (ORDER BY units DESC, product_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS DOUBLE PRECISION)
        / sum(units) OVER () AS share_so_far_percent,
    CAST(row_number() OVER (PARTITION BY category ORDER BY units DESC, product_id) AS BIGINT) AS position_in_category
FROM products
