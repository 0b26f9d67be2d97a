SELECT initcapp(name) AS name, vat(income) AS vat FROM customers
