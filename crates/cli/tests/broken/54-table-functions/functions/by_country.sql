CREATE FUNCTION by_country(least DOUBLE) RETURNS TABLE (country TEXT, income TEXT)
LANGUAGE sql AS $$
  SELECT country, sum(income) FROM customers GROUP BY country HAVING sum(income) > least
$$
