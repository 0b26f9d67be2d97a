--! description = "The star join: the facts with three small sides (days, categories, countries), each of which is handed to every part of the plan instead of moving the facts."
--! tests = [
--!   { unique = ["quarter", "is_weekend", "is_dear", "is_main_market"] },
--!   { name = "no_fact_lost", sql = """
--!       SELECT made, there FROM (SELECT sum(lines) AS made FROM sales_star) a
--!       CROSS JOIN (SELECT count(*) AS there FROM sales WHERE is_sold AND ordered_on IS NOT NULL AND country IN (SELECT country FROM countries)
--!         AND category IN (SELECT category FROM categories)) b WHERE made <> there""" },
--! ]
--! [columns]
--! quarter = "first day of the quarter"
--! is_weekend = "ordered on a Saturday or Sunday"
--! is_dear = "of a category whose articles cost more than most"
--! is_main_market = "to one of the five largest countries"
--! lines = "order lines"
--! units = "pieces"
--! net = "revenue, in euros"
SELECT
    d.quarter,
    d.is_weekend,
    k.is_dear,
    g.is_main_market,
    count(*) AS lines,
    sum(s.quantity) AS units,
    sum(s.net) AS net
FROM sales s
JOIN calendar d ON d.day = s.ordered_on
JOIN categories k ON k.category = s.category
JOIN countries g ON g.country = s.country
WHERE s.is_sold
GROUP BY d.quarter, d.is_weekend, k.is_dear, g.is_main_market
