SELECT id, price FROM dear_orders WHERE quantity > 2
