--! description = "The share of revenue that is profit; NULL without revenue."
CREATE FUNCTION margin(revenue DOUBLE, cost DOUBLE) RETURNS DOUBLE
RETURN (revenue - cost) / nullif(revenue, 0)
