-- An amount as people write it: `$1,250.00`, `12,50`, `12.50 EUR`, `  12.50 `. A comma with two digits after it, and no point anywhere, is a
-- decimal comma; any other comma parts thousands. What is no amount is NULL.
CREATE FUNCTION money(given TEXT) RETURNS DECIMAL(18, 2)
RETURN TRY_CAST(
    CASE
        WHEN strpos(given, ',') = 0 THEN translate(given, '$€EUR ', '')
        WHEN strpos(given, '.') = 0 AND translate(given, '$€EUR ', '') LIKE '%,__' THEN replace(translate(given, '$€EUR ', ''), ',', '.')
        ELSE replace(translate(given, '$€EUR ', ''), ',', '')
    END AS DECIMAL(18, 2))
