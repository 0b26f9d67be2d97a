--! materialized = "table"
--! description = "Per month: customers who order for the first time, and those who come back."
--! tests = [
--!   { unique = "month" },
--!   { name = "new_or_returning", sql = "SELECT * FROM new_and_returning WHERE customers <> new_customers + returning_customers" },
--!   { name = "each_customer_is_new_once", sql = """
--!       SELECT n, there FROM (SELECT sum(new_customers) AS n FROM new_and_returning) a
--!       CROSS JOIN (SELECT count(DISTINCT customer_id) AS there FROM orders) b WHERE n <> there""" },
--! ]
--! [columns]
--! month = "first day of the month"
--! customers = "different customers who ordered"
--! new_customers = "for the first time"
--! returning_customers = "not for the first time"
--! net_new = "revenue of first orders, in euros"
--! net_returning = "revenue of all later orders"
--! returning_share = "share of revenue that later orders bring"
SELECT
    month,
    count(DISTINCT customer_id) AS customers,
    count(DISTINCT customer_id) FILTER (WHERE number = 1) AS new_customers,
    count(DISTINCT customer_id) - count(DISTINCT customer_id) FILTER (WHERE number = 1) AS returning_customers,
    coalesce(sum(net) FILTER (WHERE number = 1 AND is_sold), 0) AS net_new,
    coalesce(sum(net) FILTER (WHERE number > 1 AND is_sold), 0) AS net_returning,
    CAST(sum(net) FILTER (WHERE number > 1 AND is_sold) AS DOUBLE) / nullif(CAST(sum(net) FILTER (WHERE is_sold) AS DOUBLE), 0) AS returning_share
FROM orders_priced
GROUP BY month
