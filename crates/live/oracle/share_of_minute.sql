SELECT minute, category, revenue / sum(revenue) OVER (PARTITION BY minute) AS share FROM minutes
