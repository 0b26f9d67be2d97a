--! description = "Six groups of customers by age; `unknown` where it is not known."
CREATE FUNCTION age_group(age BIGINT) RETURNS TEXT
RETURN CASE
    WHEN age IS NULL THEN 'unknown'
    WHEN age < 25 THEN '18 to 24'
    WHEN age < 35 THEN '25 to 34'
    WHEN age < 45 THEN '35 to 44'
    WHEN age < 55 THEN '45 to 54'
    WHEN age < 65 THEN '55 to 64'
    ELSE '65 and over'
END
