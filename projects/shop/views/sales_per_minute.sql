--! materialized = "live"
--! state_limit = "40M rows"
--! lateness = "10s"
--! late = "update"
--! description = "What was sold in each minute."
--! tests = [{ unique = "minute" }, { not_null = ["minute", "orders", "pieces"] }]
--! [columns]
--! minute = "its first moment"
--! orders = "orders, by their first line"
--! lines = "order lines"
--! pieces = "pieces"
--! net = "in euros"
SELECT
    window_start AS minute,
    count(*) FILTER (WHERE line = 1) AS orders,
    count(*) AS lines,
    sum(quantity) AS pieces,
    sum(net) AS net
FROM tumble(sale_lines, ordered_at, INTERVAL '1 minute')
GROUP BY window_start
