-- who the customers are, by when they last ordered, how often and for how much; what each group brings
SELECT rfm_group, customers, round(customers_share * 100, 1) AS customers_percent,
       net, round(net_share * 100, 1) AS net_percent, recency_days_median AS days_since_order
FROM rfm_groups
ORDER BY net DESC

-- everything sold so far; ask again while it is served
SELECT orders, pieces, net, newest FROM running_totals

-- what sells, and what it earns
SELECT category, orders, net, round(profit_margin * 100, 1) AS margin_percent FROM sales_by_category ORDER BY net DESC
