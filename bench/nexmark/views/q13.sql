--! materialized = "live"
--! description = "Bounded side input join: each bid with what a table says."
SELECT b.auction, b.bidder, b.price, b.datetime, s.value
FROM bid AS b
JOIN side_input AS s ON b.auction % 10000 = s.key
