SELECT window_end, count(*) AS orders
FROM cumulate(orders, ordered_at, INTERVAL '7 hours', INTERVAL '1 day')
GROUP BY window_end
