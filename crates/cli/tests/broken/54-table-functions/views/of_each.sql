SELECT c.name, r.income FROM customers c, LATERAL richest(c.country, 1) r
