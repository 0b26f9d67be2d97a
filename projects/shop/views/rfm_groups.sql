--! description = "The named groups: how many they are and what they bring."
--! tests = [
--!   { unique = "rfm_group" },
--! ]
--! [columns]
--! rfm_group = "group"
--! customers = "customers"
--! customers_share = "share of those who ever ordered"
--! net = "revenue, in euros"
--! net_share = "share of revenue"
--! recency_days_median = "median of days since the last order"
--! orders_mean = "mean orders of a customer"
SELECT
    rfm_group,
    count(*) AS customers,
    CAST(count(*) AS DOUBLE) / sum(count(*)) OVER () AS customers_share,
    sum(monetary) AS net,
    CAST(sum(monetary) AS DOUBLE) / CAST(sum(sum(monetary)) OVER () AS DOUBLE) AS net_share,
    median(CAST(recency_days AS DOUBLE)) AS recency_days_median,
    avg(CAST(frequency AS DOUBLE)) AS orders_mean
FROM rfm
GROUP BY rfm_group
