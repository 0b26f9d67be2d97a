--! materialized = "live"
--! description = "Highest bid of each ten seconds."
SELECT b.auction, b.price, b.bidder, b.datetime, b.extra
FROM tumble(bid, datetime, INTERVAL '10 seconds') AS b
JOIN (
    SELECT max(price) AS maxprice, window_start
    FROM tumble(bid, datetime, INTERVAL '10 seconds')
    GROUP BY window_start
) AS most ON b.price = most.maxprice AND b.window_start = most.window_start
