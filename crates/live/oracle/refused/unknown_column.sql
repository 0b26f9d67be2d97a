--? unknown column `idd`
--? help: did you mean `id`?
--? at: idd
SELECT idd FROM orders
