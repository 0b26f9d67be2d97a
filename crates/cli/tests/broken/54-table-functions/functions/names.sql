CREATE FUNCTION names(least DOUBLE) RETURNS TABLE (name TEXT)
RETURN
  SELECT nmae FROM customers WHERE income > least
