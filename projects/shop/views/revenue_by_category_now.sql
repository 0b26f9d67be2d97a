--! materialized = "live"
--! state_limit = "40M rows"
--! description = "Revenue so far by category."
--! tests = [{ unique = "category" }, { not_null = ["category", "pieces"] }]
--! [columns]
--! category = "category of the articles"
--! lines = "order lines"
--! pieces = "pieces"
--! net = "in euros"
SELECT category, count(*) AS lines, sum(quantity) AS pieces, sum(net) AS net
FROM sale_lines
GROUP BY category
