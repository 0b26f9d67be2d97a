SELECT * FROM names(3)
