--! description = "By how much a figure changed, as a share of the earlier one: 0.1 is ten percent more. NULL where there was none."
CREATE FUNCTION change(now DOUBLE, before DOUBLE) RETURNS DOUBLE
RETURN (now - before) / nullif(abs(before), 0)
