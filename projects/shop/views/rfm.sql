--! materialized = "table"
--! description = "Recency, frequency, money: a quintile of each (5 is best) for everybody who ever ordered, and a name for the three together."
--! tests = [
--!   { unique = "customer_id" },
--!   { not_null = ["rfm_group", "rfm"] },
--!   { accepted_values = { column = "rfm_group", values = ["champions", "loyal", "big spenders", "new or promising", "regular", "at risk", "about to sleep", "lost"] } },
--!   { name = "quintiles_are_even", sql = """
--!       SELECT * FROM (SELECT monetary_quintile, count(*) AS customers FROM rfm GROUP BY monetary_quintile) q
--!       CROSS JOIN (SELECT count(*) AS n FROM rfm) a WHERE abs(5 * customers - n) > 5""" },
--! ]
--! [columns]
--! customer_id = "customer"
--! recency_days = "days since the last order"
--! frequency = "orders"
--! monetary = "revenue, in euros"
--! recency_quintile = "5: ordered latest"
--! frequency_quintile = "5: ordered most often"
--! monetary_quintile = "5: spent most"
--! rfm = "the three as one number: 555 is best"
--! rfm_group = "champions, loyal, big spenders, new or promising, regular, at risk, about to sleep, lost"
WITH quintiles AS (
    SELECT
        customer_id,
        recency_days,
        orders AS frequency,
        net AS monetary,
        CAST(ntile(5) OVER (ORDER BY last_order_at, customer_id) AS BIGINT) AS recency_quintile,
        CAST(ntile(5) OVER (ORDER BY orders, net, customer_id) AS BIGINT) AS frequency_quintile,
        CAST(ntile(5) OVER (ORDER BY net, customer_id) AS BIGINT) AS monetary_quintile
    FROM customer_orders
    WHERE orders > 0
)
SELECT
    customer_id,
    recency_days,
    frequency,
    monetary,
    recency_quintile,
    frequency_quintile,
    monetary_quintile,
    recency_quintile * 100 + frequency_quintile * 10 + monetary_quintile AS rfm,
    rfm_group(recency_quintile, frequency_quintile, monetary_quintile) AS rfm_group
FROM quintiles
