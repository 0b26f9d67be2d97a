SELECT date_trunc('hour', minute) AS hour, max(revenue) AS best, sum(revenue) AS revenue, min(orders) AS fewest FROM minutes
GROUP BY 1
