--! materialized = "live"
--! state_limit = "40M rows"
--! lateness = "10s"
--! description = "The ten articles that brought most within an hour; a new hour begins every quarter."
--! tests = [
--!   { unique = ["window_start", "place"] },
--!   { name = "ten_at_most", sql = "SELECT window_start FROM top_products_now GROUP BY window_start HAVING count(*) > 10" },
--! ]
--! [columns]
--! window_start = "begin of the hour"
--! window_end = "its end"
--! place = "1 for the article that brought most"
--! product_id = "article"
--! pieces = "pieces of it"
--! net = "what it brought, in euros"
SELECT window_start, window_end, place, product_id, pieces, net
FROM (
    SELECT
        window_start,
        window_end,
        product_id,
        pieces,
        net,
        CAST(row_number() OVER (PARTITION BY window_start, window_end ORDER BY net DESC NULLS LAST, product_id) AS BIGINT) AS place
    FROM (
        SELECT window_start, window_end, product_id, sum(quantity) AS pieces, sum(net) AS net
        FROM hop(sale_lines, ordered_at, INTERVAL '15 minutes', INTERVAL '1 hour')
        GROUP BY window_start, window_end, product_id
    ) sold
) ranked
WHERE place <= 10
