--! materialized = "live"
--! state_limit = "20M rows"
--! description = "Winning bids: each auction with the bid that won it."
SELECT id, itemname, description, initialbid, reserve, datetime, expires, seller, category, auction, bidder, price, bid_datetime, bid_extra
FROM (
    SELECT
        a.*, b.auction, b.bidder, b.price, b.datetime AS bid_datetime, b.extra AS bid_extra,
        row_number() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.datetime, b.bidder, b.extra) AS nth
    FROM auction AS a
    JOIN bid AS b ON a.id = b.auction AND b.datetime BETWEEN a.datetime AND a.expires
) AS ranked
WHERE nth <= 1
