--! materialized = "live"
--! state_limit = "40M rows"
--! description = "Everything sold so far, in one row."
--! tests = [{ not_null = ["orders", "lines"] }]
--! [columns]
--! orders = "orders, by their first line"
--! lines = "order lines"
--! pieces = "pieces"
--! net = "in euros"
--! net_per_line = "mean of a line, in euros"
--! newest = "moment of the newest order"
SELECT
    count(*) FILTER (WHERE line = 1) AS orders,
    count(*) AS lines,
    sum(quantity) AS pieces,
    sum(net) AS net,
    avg(CAST(net AS DOUBLE PRECISION)) AS net_per_line,
    max(ordered_at) AS newest
FROM sale_lines
