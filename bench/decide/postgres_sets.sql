-- The statements of postgres_sets.py, in their order. Each `---` ends one that is run (and told of) by itself.
CREATE EXTENSION fuzzystrmatch;
CREATE TABLE countries (name text PRIMARY KEY);
CREATE TABLE categories (name text PRIMARY KEY);
CREATE TABLE rejected (line bigint, reason text, raw text);
CREATE UNLOGGED TABLE incoming (
    line bigint, customer_id text, name text, age text, country text, registration_date text, order_date text, quantity text, total_amount text,
    product_id text, product_name text, category text, price text, shipping_address text, shipping_date text, row_key text
);

CREATE FUNCTION given(t text) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT CASE WHEN t IN ('', 'N/A', 'NULL', '-', 'unknown', '?', 'nan', 'n/a') THEN NULL ELSE t END $$;
CREATE FUNCTION bare_amount(t text) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT btrim(CASE WHEN t ~ '[$€E]' THEN regexp_replace(t, '^\s*[$€]|\s*(EUR|€)\s*$', '', 'g') ELSE t END) $$;
-- A day in one of six notations, or NULL; slow, so it is asked once per distinct text. (to_date alone would take month 00 for January.)
CREATE FUNCTION day_of(t text) RETURNS date LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE
        WHEN t ~ '^\d{4}-\d\d-\d\d$' THEN t::date
        WHEN t ~ '^\d\d[/.]\d\d[/.]\d{4}$' THEN make_date(substr(t, 7, 4)::int, substr(t, 4, 2)::int, substr(t, 1, 2)::int)
        WHEN t ~ '^[A-Z][a-z]{2} \d\d, \d{4}$' THEN to_date(t, 'Mon DD, YYYY')
        WHEN t ~ '^\d\d [A-Z][a-z]{2} \d{4}$' THEN to_date(t, 'DD Mon YYYY')
        WHEN t ~ '^\d{4}/\d\d/\d\d$' THEN replace(t, '/', '-')::date
    END;
EXCEPTION WHEN datetime_field_overflow OR invalid_datetime_format THEN
    RETURN NULL;
END $$;
---
-- Rows whose numbers are numbers, the first of each key.
CREATE UNLOGGED TABLE typed AS
SELECT DISTINCT ON (row_key)
    row_key, customer_id, given(name) AS name, split_part(btrim(given(age)), '.', 1)::int AS age, lower(btrim(given(country))) AS country,
    registration_date, order_date, split_part(btrim(given(quantity)), '.', 1)::int AS quantity, replace(bare_amount(given(total_amount)), ',', '')::numeric(12, 2) AS total_amount,
    product_id, given(product_name) AS product_name, lower(btrim(given(category))) AS category, replace(bare_amount(given(price)), ',', '')::numeric(12, 2) AS price,
    given(shipping_address) AS shipping_address, shipping_date
FROM incoming
WHERE (given(age) IS NULL OR btrim(age) ~ '^-?\d+(\.0+)?$')
    AND (given(quantity) IS NULL OR btrim(quantity) ~ '^-?\d+(\.0+)?$')
    AND (given(total_amount) IS NULL OR bare_amount(total_amount) ~ '^-?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?$')
    AND (given(price) IS NULL OR bare_amount(price) ~ '^-?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?$')
    AND given(customer_id) IS NOT NULL AND given(product_id) IS NOT NULL AND given(row_key) IS NOT NULL
ORDER BY row_key, line;
---
INSERT INTO rejected
SELECT line, 'a value is no number, or a key is missing', concat_ws(',', customer_id, name, age, country, registration_date, order_date, quantity, total_amount,
    product_id, product_name, category, price, shipping_address, shipping_date, row_key)
FROM incoming
WHERE NOT ((given(age) IS NULL OR btrim(age) ~ '^-?\d+(\.0+)?$')
    AND (given(quantity) IS NULL OR btrim(quantity) ~ '^-?\d+(\.0+)?$')
    AND (given(total_amount) IS NULL OR bare_amount(total_amount) ~ '^-?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?$')
    AND (given(price) IS NULL OR bare_amount(price) ~ '^-?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?$')
    AND given(customer_id) IS NOT NULL AND given(product_id) IS NOT NULL AND given(row_key) IS NOT NULL);
---
DROP TABLE incoming;
ANALYZE typed;
---
CREATE UNLOGGED TABLE days AS
SELECT t, day_of(btrim(t)) AS day
FROM (SELECT registration_date AS t FROM typed UNION SELECT order_date FROM typed UNION SELECT shipping_date FROM typed) x WHERE t IS NOT NULL;
CREATE UNLOGGED TABLE country_of AS
SELECT DISTINCT ON (t) t, name FROM (SELECT DISTINCT country AS t FROM typed) x, countries
WHERE levenshtein(t, lower(name)) <= 2 ORDER BY t, levenshtein(t, lower(name)), name;
CREATE UNLOGGED TABLE category_of AS
SELECT DISTINCT ON (t) t, name FROM (SELECT DISTINCT category AS t FROM typed) x, categories
WHERE levenshtein(t, lower(name)) <= 2 ORDER BY t, levenshtein(t, lower(name)), name;
ANALYZE days, country_of, category_of;
---
CREATE TABLE orders AS
WITH median AS (SELECT floor(percentile_cont(0.5) WITHIN GROUP (ORDER BY age))::int AS age FROM typed WHERE age BETWEEN 0 AND 120),
    valid AS (
        SELECT row_key, customer_id, coalesce(t.name, 'Unknown') AS name, CASE WHEN t.age BETWEEN 0 AND 120 THEN t.age ELSE median.age END AS age,
            coalesce(c.name, 'Unknown') AS country, r.day AS registration_date, o.day AS order_date,
            CASE WHEN abs(quantity) BETWEEN 1 AND 1000 THEN abs(quantity) ELSE 1 END AS quantity, CASE WHEN total_amount >= 0 THEN total_amount END AS total_amount,
            product_id, product_name, coalesce(k.name, 'Unknown') AS category, CASE WHEN price >= 0 THEN price END AS price, shipping_address, s.day AS shipping_date
        FROM typed t CROSS JOIN median
        LEFT JOIN country_of c ON c.t = t.country LEFT JOIN category_of k ON k.t = t.category
        LEFT JOIN days r ON r.t = registration_date LEFT JOIN days o ON o.t = order_date LEFT JOIN days s ON s.t = shipping_date
    )
SELECT row_key, customer_id, name, age, country, registration_date, order_date, quantity,
    coalesce(total_amount, quantity * price)::numeric(12, 2) AS total_amount, product_id, product_name, category, price, shipping_address, shipping_date,
    CASE WHEN age < 30 THEN 'Young' WHEN age < 60 THEN 'Middle-aged' ELSE 'Senior' END AS age_group, to_char(order_date, 'YYYY-MM') AS order_month
FROM valid;
---
ALTER TABLE orders ADD PRIMARY KEY (row_key);
---
CREATE TABLE monthly_sales AS
SELECT order_month, category, count(*) AS orders, sum(quantity) AS pieces, sum(total_amount) AS sales
FROM orders WHERE order_month IS NOT NULL GROUP BY order_month, category;
---
DROP TABLE typed, days, country_of, category_of;
ANALYZE orders;
