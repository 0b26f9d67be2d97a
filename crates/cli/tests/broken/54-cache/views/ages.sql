--! description = "Years of age, today."
--! cache = true
SELECT id, date_part('year', now()) - date_part('year', born) AS age FROM customers
