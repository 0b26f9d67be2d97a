--! description = "Whole months from the month of one day to that of another: 0 within the same month."
CREATE FUNCTION months_between(earlier DATE, later DATE) RETURNS BIGINT
RETURN CAST((extract(year FROM later) - extract(year FROM earlier)) * 12 + extract(month FROM later) - extract(month FROM earlier) AS BIGINT)
