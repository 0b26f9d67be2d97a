--! materialized = "live"
--! time = "processing"
--! description = "Processing time windows: how many bids a user makes in ten seconds of the clock."
SELECT bidder, count(*) AS bid_count, window_start AS starttime, window_end AS endtime
FROM tumble(bid, datetime, INTERVAL '10 seconds')
GROUP BY bidder, window_start, window_end
