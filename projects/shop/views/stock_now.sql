--! materialized = "live"
--! state_limit = "10M rows"
--! description = "Pieces of each article that lie in the warehouse now: the stock that was counted, and what moved since."
--! tests = [{ unique = "product_id" }]
--! [columns]
--! product_id = "article"
--! name = "what it is called"
--! moved = "movements so far"
--! sold = "pieces sold so far"
--! pieces = "pieces now"
SELECT m.product_id, p.name, count(*) AS moved, sum(CASE WHEN m.kind = 'sale' THEN -m.quantity ELSE 0 END) AS sold,
    p.stock + sum(m.quantity) AS pieces
FROM stock_movements m
JOIN products p ON p.product_id = m.product_id
GROUP BY m.product_id, p.name, p.stock
