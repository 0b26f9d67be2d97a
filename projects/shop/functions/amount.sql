--! description = "A sum of money as people write it (`12,50`, `$12.50`, `€12.50`, `12.50 EUR`, `1,250.00`): the last comma or point with two digits behind it is the decimal one. NULL for what is none."
CREATE FUNCTION amount(written TEXT) RETURNS DECIMAL(12, 2)
RETURN try_cast(
    CASE
        WHEN written LIKE '%,__' OR written LIKE '%,__ %' THEN replace(replace(regexp_replace(written, '[^-0-9.,]', '', 'g'), '.', ''), ',', '.')
        ELSE replace(regexp_replace(written, '[^-0-9.,]', '', 'g'), ',', '')
    END AS DECIMAL(12, 2))
