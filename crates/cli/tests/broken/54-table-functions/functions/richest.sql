--! description = "Who earns most."
--! [parameters]
--! coutnry = "where"
CREATE FUNCTION richest(country TEXT, n INT) RETURNS TABLE (name TEXT, income DOUBLE)
RETURN SELECT c.name, c.income FROM customers c WHERE c.country = richest.country ORDER BY income DESC LIMIT n
