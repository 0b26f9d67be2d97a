--! description = "The articles that brought most between two days, of one category or all: for the front page of a shop."
--! [params]
--! since = { type = "date", default = "2000-01-01", description = "from this day on" }
--! until = { type = "date", default = "2100-01-01", description = "until the day before this one" }
--! category = { type = "text", optional = true, description = "only this category" }
--! limit = { type = "int", default = 10, description = "at most so many" }
SELECT s.product_id, p.name, p.category, sum(s.quantity) AS units, sum(s.net) AS net
FROM sales s
JOIN products p ON p.product_id = s.product_id
WHERE s.is_sold AND s.ordered_on >= $since AND s.ordered_on < $until AND ($category IS NULL OR p.category = $category)
GROUP BY s.product_id, p.name, p.category
ORDER BY net DESC NULLS LAST, s.product_id
LIMIT $limit
