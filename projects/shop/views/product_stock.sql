--! materialized = "table"
--! description = "Where the pieces went: what lay in the warehouse at the beginning, what came and left, what lies there at the end."
--! tests = [
--!   { unique = "product_id" },
--!   { name = "adds_up", sql = "SELECT * FROM product_stock WHERE closing <> opening + purchased - sold + returned + adjusted" },
--! ]
--! [columns]
--! product_id = "article"
--! opening = "pieces at the beginning of the period"
--! purchased = "pieces that came from the supplier"
--! sold = "pieces that left with orders"
--! returned = "pieces that came back"
--! adjusted = "pieces found or lost when counting"
--! closing = "pieces at the end"
--! inventory_turnover = "pieces sold, over the mean of beginning and end, per year: how often the stock was sold"
WITH moved AS (
    SELECT
        product_id,
        coalesce(sum(quantity) FILTER (WHERE kind = 'purchase'), 0) AS purchased,
        coalesce(-sum(quantity) FILTER (WHERE kind = 'sale'), 0) AS sold,
        coalesce(sum(quantity) FILTER (WHERE kind = 'return'), 0) AS returned,
        coalesce(sum(quantity) FILTER (WHERE coalesce(kind, 'adjustment') NOT IN ('purchase', 'sale', 'return')), 0) AS adjusted,
        sum(quantity) AS change
    FROM stock_movements
    GROUP BY product_id
)
SELECT
    p.product_id,
    p.stock AS opening,
    coalesce(m.purchased, 0) AS purchased,
    coalesce(m.sold, 0) AS sold,
    coalesce(m.returned, 0) AS returned,
    coalesce(m.adjusted, 0) AS adjusted,
    p.stock + coalesce(m.change, 0) AS closing,
    CAST(coalesce(m.sold, 0) - coalesce(m.returned, 0) AS DOUBLE) * 365.25 / CAST(d.days AS DOUBLE)
        / nullif(CAST(p.stock + greatest(p.stock + coalesce(m.change, 0), 0) AS DOUBLE) / 2.0, 0) AS inventory_turnover
FROM products p
CROSS JOIN period d
LEFT JOIN moved m ON m.product_id = p.product_id
