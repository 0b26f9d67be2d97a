SELECT name + born AS x FROM customers
