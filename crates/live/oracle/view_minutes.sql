SELECT minute, revenue / orders AS average FROM minutes WHERE category IS NOT NULL
