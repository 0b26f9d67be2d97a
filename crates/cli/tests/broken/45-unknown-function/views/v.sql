SELECT initcapp(status) AS status, vat(total) AS vat FROM orders
