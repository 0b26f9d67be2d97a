--! materialized = "live"
--! state_limit = "20M rows"
--! description = "Average closing price of a category."
SELECT category, avg(final) AS average
FROM (
    SELECT max(b.price) AS final, a.category
    FROM auction AS a
    JOIN bid AS b ON a.id = b.auction AND b.datetime BETWEEN a.datetime AND a.expires
    GROUP BY a.id, a.category
) AS closed
GROUP BY category
