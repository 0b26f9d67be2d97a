SELECT id, name FROM clean.customers
