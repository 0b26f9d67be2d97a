SELECT o.id, v.label FROM orders o JOIN (VALUES ('books', 'paper'), ('toys', 'play')) AS v(category, label) ON o.category = v.category
