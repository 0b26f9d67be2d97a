--! [params]
--! country = "text"
SELECT id FROM costumers WHERE country = $counrty OR id = $1
