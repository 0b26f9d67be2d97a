--! state_limit = 10000
SELECT category, paid, count(*) AS n FROM orders GROUP BY CUBE (category, paid)
