--! materialized = "table"
--! partition_by = ["month"]
--! description = "The order table to work with: how long it took, and what it means for revenue."
--! tests = [
--!   { unique = "order_id" },
--!   { not_null = ["customer_id", "net", "revenue_impact"] },
--!   { name = "time_runs_forward", severity = "warn", sql = "SELECT order_id FROM order_metrics WHERE processing_time < 0 OR shipping_time < 0 OR delivery_time < 0" },
--!   { name = "no_order_lost", sql = """
--!       SELECT made, there FROM (SELECT count(*) AS made FROM order_metrics) a
--!       CROSS JOIN (SELECT count(*) AS there FROM orders) b WHERE made <> there""" },
--! ]
--! [columns]
--! order_id = "order"
--! customer_id = "customer"
--! ordered_at = "moment of ordering"
--! month = "first day of the month of ordering"
--! status = "status, unknown where nobody knows"
--! lines = "different lines"
--! net = "what the lines come to less discount, in euros"
--! processing_time = "hours from ordering to packing"
--! shipping_time = "hours from packing to leaving the warehouse"
--! delivery_time = "hours on the way"
--! fulfilment_time = "hours from ordering to delivery"
--! fraud_score = "filled when a model exists: how likely the order is a fraud, 0 to 1"
--! customer_satisfaction = "filled when a model exists: how content the customer will be, 1 to 5"
--! revenue_impact = "what the order means for revenue, in euros: what it comes to if it stays sold, and as much below zero if it was cancelled or came back"
SELECT
    o.order_id,
    o.customer_id,
    o.ordered_at,
    p.month,
    coalesce(o.status, 'unknown') AS status,
    p.lines,
    p.net,
    hours_between(o.ordered_at, o.processed_at) AS processing_time,
    hours_between(o.processed_at, o.shipped_at) AS shipping_time,
    hours_between(o.shipped_at, o.delivered_at) AS delivery_time,
    hours_between(o.ordered_at, o.delivered_at) AS fulfilment_time,
    CAST(NULL AS DOUBLE) AS fraud_score,
    CAST(NULL AS DOUBLE) AS customer_satisfaction,
    CASE WHEN p.is_sold THEN p.net ELSE -p.net END AS revenue_impact
FROM orders o
JOIN orders_priced p ON p.order_id = o.order_id
