SELECT id, unnest(string_to_array(category, 'a')) AS part FROM orders WHERE id < 200
