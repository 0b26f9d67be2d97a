SELECT * FROM costumers
