--! materialized = "live"
--! lateness = "10s"
--! state_limit = "40M rows"
--! description = "Each line beside the lines of its category just before it."
--! tests = [{ unique = ["order_id", "line"] }, { not_null = ["lines_hour", "category"] }]
--! [columns]
--! order_id = "order"
--! line = "place in the order"
--! category = "category of the article"
--! ordered_at = "moment of ordering"
--! net = "what the line brought, in euros"
--! net_mean_20 = "mean of it and the 19 lines before in the category"
--! net_mean_hour = "mean of the category's lines of the hour up to it"
--! lines_hour = "how many these are"
SELECT
    order_id,
    line,
    category,
    ordered_at,
    net,
    avg(CAST(net AS DOUBLE PRECISION)) OVER (PARTITION BY category ORDER BY ordered_at, order_id, line ROWS BETWEEN 19 PRECEDING AND CURRENT ROW) AS net_mean_20,
    avg(CAST(net AS DOUBLE PRECISION)) OVER last_hour AS net_mean_hour,
    count(*) OVER last_hour AS lines_hour
FROM sale_lines
WINDOW last_hour AS (PARTITION BY category ORDER BY ordered_at RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND CURRENT ROW)
