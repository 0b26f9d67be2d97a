SELECT count(*) AS orders, sum(price) AS revenue, avg(price) AS average, min(ts) AS first_ts, max(ts) AS last_ts FROM orders
