--! description = "Historic value of each customer: what they left in the shop up to today."
--! tests = [
--!   { unique = "customer_id" },
--!   { not_null = "lifetime_value" },
--! ]
--! [columns]
--! customer_id = "customer"
--! lifetime_value = "revenue less what suppliers took, in euros"
--! net = "revenue"
--! order_value_mean = "mean revenue of an order that stays sold"
--! days_as_customer = "days from the first order to the end of the period"
--! lifetime_value_per_year = "the value, spread over a year; of at least 30 days"
--! value_rank = "1 is the most valuable customer"
--! share_so_far = "share of all value that this customer and those before bring"
SELECT
    o.customer_id,
    o.net - o.cost AS lifetime_value,
    o.net,
    CAST(o.net AS DOUBLE) / nullif(o.sold_orders, 0) AS order_value_mean,
    p.last_day - CAST(o.first_order_at AS DATE) AS days_as_customer,
    CAST(o.net - o.cost AS DOUBLE) * 365.25 / greatest(p.last_day - CAST(o.first_order_at AS DATE), 30) AS lifetime_value_per_year,
    row_number() OVER (ORDER BY o.net - o.cost DESC, o.customer_id) AS value_rank,
    CAST(sum(o.net - o.cost) OVER (ORDER BY o.net - o.cost DESC, o.customer_id ROWS UNBOUNDED PRECEDING) AS DOUBLE)
        / nullif(CAST(sum(o.net - o.cost) OVER () AS DOUBLE), 0) AS share_so_far
FROM customer_orders o
CROSS JOIN period p
