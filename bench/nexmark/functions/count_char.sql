--! description = "How often a character stands in a text."
--! tests = [{ call = "count_char('abcabc', 'c')", equals = 2 }]
CREATE FUNCTION count_char(of TEXT, c TEXT) RETURNS BIGINT
RETURN CAST(length(of) - length(replace(of, c, '')) AS BIGINT)
