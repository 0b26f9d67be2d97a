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
        d.day,
        CAST(d.net AS DOUBLE) AS net,
        count(*) AS days,
        percentile_cont(0.1) WITHIN GROUP (ORDER BY CAST(w.net AS DOUBLE)) AS net_p10,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(w.net AS DOUBLE)) AS net_p50,
        percentile_cont(0.9) WITHIN GROUP (ORDER BY CAST(w.net AS DOUBLE)) AS net_p90
    FROM sales_by_day d
    JOIN sales_by_day w ON w.day <= d.day AND d.day - w.day < 28
    GROUP BY d.day, d.net
)
SELECT day, net, days, net_p10, net_p50, net_p90, net < net_p10 OR net > net_p90 AS is_unusual
FROM moving
