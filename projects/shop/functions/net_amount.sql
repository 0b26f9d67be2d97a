--! description = "What a line adds to revenue: pieces times price, less the order's discount, to the cent."
CREATE FUNCTION net_amount(quantity BIGINT, unit_price DECIMAL(12, 2), discount DECIMAL(4, 2)) RETURNS DECIMAL(14, 2)
RETURN CAST(CAST(quantity AS DECIMAL(7, 0)) * unit_price * (1 - discount) AS DECIMAL(14, 2))
