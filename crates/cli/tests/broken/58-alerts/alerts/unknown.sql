SELECT country, incmoe FROM customers
