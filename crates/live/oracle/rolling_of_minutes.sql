SELECT minute, category, avg(revenue) OVER (PARTITION BY category ORDER BY minute ROWS 2 PRECEDING) AS smooth FROM minutes WHERE category IS NOT NULL
