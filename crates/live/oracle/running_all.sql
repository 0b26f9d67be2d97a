SELECT id, sum(price) OVER (ORDER BY ts) AS so_far, row_number() OVER (ORDER BY ts) AS n FROM orders
