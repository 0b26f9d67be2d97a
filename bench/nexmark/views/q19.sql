--! materialized = "live"
--! state_limit = "20M rows"
--! description = "Auction top ten: the highest bids of each auction."
SELECT auction, bidder, price, channel, url, datetime, extra, nth
FROM (
    SELECT *, row_number() OVER (PARTITION BY auction ORDER BY price DESC, datetime, bidder, extra) AS nth
    FROM bid
) AS ranked
WHERE nth <= 10
