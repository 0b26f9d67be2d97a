--! params.country = "text"
--! params.least = { type = "decimal(10, 2)", default = "a lot" }
SELECT nmae, income FROM customers WHERE country = $country AND incmoe >= $least
