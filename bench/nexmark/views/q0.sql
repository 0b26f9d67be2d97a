--! materialized = "live"
--! description = "Pass through: what it costs to take a bid and give it on."
SELECT auction, bidder, price, datetime, extra
FROM bid
