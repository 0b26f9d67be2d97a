--! description = "Revenue that stays, and revenue that was lost, by month and why."
--! tests = [
--!   { unique = ["month", "status"] },
--! ]
--! [columns]
--! month = "first day of the month"
--! status = "status of the orders"
--! orders = "orders"
--! net = "what they come to, in euros"
--! impact = "the same, below zero where it was lost"
--! share_of_month = "share of what all orders of the month come to"
SELECT
    month,
    status,
    count(*) AS orders,
    sum(net) AS net,
    sum(revenue_impact) AS impact,
    CAST(sum(net) AS DOUBLE) / nullif(CAST(sum(sum(net)) OVER (PARTITION BY month) AS DOUBLE), 0) AS share_of_month
FROM order_metrics
GROUP BY month, status
