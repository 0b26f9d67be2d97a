--! description = "Revenue by month"
SELECT date_trunc('month', ordered_at) AS month, count(*) AS orders, round(sum(amount), 2) AS revenue
FROM orders
GROUP BY 1
