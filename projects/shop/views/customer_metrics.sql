--! materialized = "table"
--! description = "The customer table to work with: who they are, what they are worth, how active they are, what they like."
--! tests = [
--!   { unique = "customer_id" },
--!   { not_null = ["lifetime_value", "activity_score"] },
--!   { name = "nobody_is_missing", sql = """
--!       SELECT made, there FROM (SELECT count(*) AS made FROM customer_metrics) a
--!       CROSS JOIN (SELECT count(*) AS there FROM customers) b WHERE made <> there""" },
--! ]
--! [columns]
--! customer_id = "customer"
--! name = "name"
--! email = "mail address"
--! gender = "gender, unknown where it is not known"
--! age_group = "age group"
--! city = "city"
--! region = "region"
--! country = "country"
--! registered_at = "when they registered"
--! orders = "orders"
--! last_order_at = "last order"
--! lifetime_value = "revenue less what suppliers took, in euros"
--! rfm_group = "named group by recency, frequency and money; NULL for who never ordered"
--! segment = "filled when a model exists: the segment that the customer belongs to"
--! activity_score = "0 to 100"
--! preferred_category = "category that most was spent on; NULL for who bought nothing"
SELECT
    c.customer_id,
    c.name,
    c.email,
    coalesce(c.gender, 'unknown') AS gender,
    age_group(c.age) AS age_group,
    c.city,
    c.region,
    c.country,
    c.registered_at,
    o.orders,
    o.last_order_at,
    v.lifetime_value,
    r.rfm_group,
    CAST(NULL AS TEXT) AS segment,
    a.activity_score,
    p.preferred_category
FROM customers c
JOIN customer_orders o ON o.customer_id = c.customer_id
JOIN lifetime_value v ON v.customer_id = c.customer_id
JOIN activity_score a ON a.customer_id = c.customer_id
LEFT JOIN rfm r ON r.customer_id = c.customer_id
LEFT JOIN preferred_category p ON p.customer_id = c.customer_id
