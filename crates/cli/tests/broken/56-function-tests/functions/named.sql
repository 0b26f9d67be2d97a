--! tests = [
--!   { name = "none", sql = "SELECT * FROM named('UK') WHERE nmae IS NULL" },
--!   { name = "other", sql = "SELECT * FROM custmers" },
--! ]
CREATE FUNCTION named(of TEXT) RETURNS TABLE (name TEXT) RETURN SELECT name FROM customers WHERE country = of
