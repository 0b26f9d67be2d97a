SELECT count(*) AS n, sum(price) AS revenue FROM orders WHERE price < 0
