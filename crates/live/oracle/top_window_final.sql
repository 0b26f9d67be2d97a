--! emit = "final"
--! closed = "minute + INTERVAL '1 minute' <= {W}"
SELECT minute, category, revenue
FROM (SELECT *, row_number() OVER (PARTITION BY minute ORDER BY revenue DESC, category) AS place FROM minutes) WHERE place = 1
