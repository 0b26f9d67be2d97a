--! materialized = "live"
--! state_limit = "20M rows"
--! description = "Average selling price by seller, of the last ten auctions that closed."
SELECT seller, id, avg(final) OVER (PARTITION BY seller ORDER BY expires, id ROWS BETWEEN 9 PRECEDING AND CURRENT ROW) AS average
FROM (
    SELECT max(b.price) AS final, a.seller, a.id, a.expires
    FROM auction AS a
    JOIN bid AS b ON a.id = b.auction AND b.datetime BETWEEN a.datetime AND a.expires
    GROUP BY a.seller, a.id, a.expires
) AS closed
