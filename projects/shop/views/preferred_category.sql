--! materialized = "table"
--! description = "The category that a customer spent most on; the alphabetically first of equals."
--! tests = [
--!   { unique = "customer_id" },
--!   { not_null = "preferred_category" },
--! ]
--! [columns]
--! customer_id = "customer"
--! preferred_category = "category"
--! net = "what was spent on it, in euros"
--! share = "share of all that the customer spent"
--! categories = "different categories that the customer bought of"
WITH spent AS (
    SELECT customer_id, category, sum(net) AS net FROM sales WHERE is_sold GROUP BY customer_id, category
), ranked AS (
    SELECT
        customer_id,
        category,
        net,
        sum(net) OVER (PARTITION BY customer_id) AS net_of_all,
        count(*) OVER (PARTITION BY customer_id) AS categories,
        row_number() OVER (PARTITION BY customer_id ORDER BY net DESC, category) AS place
    FROM spent
)
SELECT customer_id, category AS preferred_category, net, CAST(net AS DOUBLE) / nullif(CAST(net_of_all AS DOUBLE), 0) AS share, categories
FROM ranked
WHERE place = 1
