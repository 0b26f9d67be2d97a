--! materialized = "table"
--! description = "Moving quantiles: of the revenue of the 28 days up to each day. What lies outside of them is a day to look at."
--! tests = [
--!   { unique = "day" },
--!   { name = "in_order", sql = "SELECT * FROM sales_quantiles WHERE net_p10 > net_p50 OR net_p50 > net_p90" },
--! ]
--! [columns]
--! day = "day"
--! net = "revenue of the day, in euros"
--! days = "days looked back on, 28 but at the beginning"
--! net_p10 = "a tenth of these days had less"
--! net_p50 = "their median"
--! net_p90 = "a tenth had more"
--! is_unusual = "below the first or above the last of the two"
WITH moving AS (
    SELECT
        day,
        CAST(net AS DOUBLE) AS net,
        count(*) OVER days AS days,
        quantile_cont(CAST(net AS DOUBLE), 0.1) OVER days AS net_p10,
        quantile_cont(CAST(net AS DOUBLE), 0.5) OVER days AS net_p50,
        quantile_cont(CAST(net AS DOUBLE), 0.9) OVER days AS net_p90
    FROM sales_by_day
    WINDOW days AS (ORDER BY day ROWS BETWEEN 27 PRECEDING AND CURRENT ROW)
)
SELECT day, net, days, net_p10, net_p50, net_p90, net < net_p10 OR net > net_p90 AS is_unusual
FROM moving
