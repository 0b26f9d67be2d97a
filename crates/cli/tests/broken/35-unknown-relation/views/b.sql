SELECT * FROM raw.order_items, sytem.runs, system.run, "Customers"
