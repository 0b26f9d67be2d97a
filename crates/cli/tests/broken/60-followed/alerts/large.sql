SELECT id, amount FROM events WHERE amount > 1000
