-- A price after a discount given as a share.
CREATE FUNCTION net_of_discount(price DOUBLE, discount DOUBLE) RETURNS DOUBLE RETURN price * (1 - discount)
