SELECT name FROM seen()
