--! materialized = "live"
--! partition_by = ["dt", "hm"]
--! description = "Log to files: bids by day and minute, a directory each."
SELECT auction, bidder, price, datetime, extra, to_char(datetime, '%Y-%m-%d') AS dt, to_char(datetime, '%H:%M') AS hm
FROM bid
