--! materialized = "table"
--! description = "How long orders take, by month of ordering, in hours."
--! tests = [
--!   { unique = "month" },
--!   { not_null = "orders" },
--! ]
--! [columns]
--! month = "first day of the month"
--! orders = "orders"
--! delivered = "orders whose whole way is known"
--! processing_p50 = "median of ordering to packing"
--! shipping_p50 = "median of packing to leaving the warehouse"
--! delivery_p50 = "median on the way"
--! fulfilment_p50 = "median of ordering to delivery"
--! fulfilment_p95 = "one of twenty takes longer"
--! within_a_week = "share of known ones delivered within seven days"
SELECT
    month,
    count(*) AS orders,
    count(fulfilment_time) AS delivered,
    median(processing_time) AS processing_p50,
    median(shipping_time) AS shipping_p50,
    median(delivery_time) AS delivery_p50,
    median(fulfilment_time) AS fulfilment_p50,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY fulfilment_time) AS fulfilment_p95,
    CAST(count(*) FILTER (WHERE fulfilment_time <= 168.0) AS DOUBLE) / nullif(count(fulfilment_time), 0) AS within_a_week
FROM order_metrics
GROUP BY month
