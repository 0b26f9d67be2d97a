--! description = "The first day of the month of a moment."
CREATE FUNCTION month_of(moment TIMESTAMP WITH TIME ZONE) RETURNS DATE
RETURN CAST(date_trunc('month', moment) AS DATE)
