--! description = "Whether an order of this status stays sold: not cancelled and not returned. Where the status is not known, it counts as sold, as nineteen of twenty are."
CREATE FUNCTION is_sold(status TEXT) RETURNS BOOLEAN
RETURN coalesce(status, 'unknown') NOT IN ('cancelled', 'returned')
