--! description = "How active a customer is, from 0 to 100: half for how lately, a third for how often, the rest for taking part (reviews)."
--! tests = [
--!   { unique = "customer_id" },
--!   { name = "within_bounds", sql = "SELECT * FROM activity_score WHERE activity_score < 0 OR activity_score > 100 OR activity_score IS NULL" },
--! ]
--! [columns]
--! customer_id = "customer"
--! recency_points = "0 to 50: halves each 60 days without an order"
--! frequency_points = "0 to 30: orders of the last 90 days"
--! review_points = "0 to 20: reviews written"
--! activity_score = "their sum"
WITH points AS (
    SELECT
        o.customer_id,
        coalesce(50.0 * power(0.5, CAST(o.recency_days AS DOUBLE) / 60.0), 0.0) AS recency_points,
        30.0 * (1.0 - exp(-CAST(o.orders_90_days AS DOUBLE) / 3.0)) AS frequency_points,
        20.0 * (1.0 - exp(-CAST(coalesce(r.reviews, 0) AS DOUBLE) / 4.0)) AS review_points
    FROM customer_orders o
    LEFT JOIN (SELECT customer_id, count(*) AS reviews FROM reviews GROUP BY customer_id) r ON r.customer_id = o.customer_id
)
SELECT customer_id, recency_points, frequency_points, review_points, recency_points + frequency_points + review_points AS activity_score
FROM points
