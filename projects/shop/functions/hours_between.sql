--! description = "Hours from one moment to a later one."
CREATE FUNCTION hours_between(earlier TIMESTAMP WITH TIME ZONE, later TIMESTAMP WITH TIME ZONE) RETURNS DOUBLE
RETURN extract(epoch FROM (later - earlier)) / 3600.0
