--! materialized = "table"
--! description = "Who the customers are: by country, gender and age group, and what they bring."
--! tests = [
--!   { unique = ["country", "gender", "age_group"] },
--!   { not_null = ["customers", "net"] },
--! ]
--! [columns]
--! country = "country"
--! gender = "gender"
--! age_group = "age group"
--! customers = "registered customers"
--! buyers = "those who ever ordered"
--! buyers_share = "the latter as a share of the former"
--! net = "revenue, in euros"
--! net_per_customer = "revenue per registered customer"
SELECT
    coalesce(c.country, 'unknown') AS country,
    coalesce(c.gender, 'unknown') AS gender,
    age_group(c.age) AS age_group,
    count(*) AS customers,
    count(*) FILTER (WHERE o.orders > 0) AS buyers,
    CAST(count(*) FILTER (WHERE o.orders > 0) AS DOUBLE) / count(*) AS buyers_share,
    sum(o.net) AS net,
    CAST(sum(o.net) AS DOUBLE) / count(*) AS net_per_customer
FROM customers c
JOIN customer_orders o ON o.customer_id = c.customer_id
GROUP BY coalesce(c.country, 'unknown'), coalesce(c.gender, 'unknown'), age_group(c.age)
