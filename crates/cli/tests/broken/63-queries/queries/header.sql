--! parms.country = "text"
--! [params]
--! limit = { type = "integr", defualt = 10 }
SELECT * FROM customers LIMIT 10
