--! description = "a keyword misspelt"
SELECT name FORM customers WHERE id = 1
