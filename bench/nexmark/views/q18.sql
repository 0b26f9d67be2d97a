--! materialized = "live"
--! state_limit = "20M rows"
--! description = "Find last bid: of each bidder for each auction."
SELECT auction, bidder, price, channel, url, datetime, extra
FROM (
    SELECT *, row_number() OVER (PARTITION BY bidder, auction ORDER BY datetime DESC, price DESC, extra) AS nth
    FROM bid
) AS ranked
WHERE nth <= 1
