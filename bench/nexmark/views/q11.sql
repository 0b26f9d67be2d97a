--! materialized = "live"
--! description = "User sessions: how many bids a user makes in each session of activity."
SELECT bidder, count(*) AS bid_count, window_start AS starttime, window_end AS endtime
FROM session(bid, datetime, INTERVAL '10 seconds', bidder)
GROUP BY bidder, window_start, window_end
