--! description = "Customers who equal an earlier one in everything but the id, as the file gave them. Kept in `customers`; for the shop to look up."
--! tests = [
--!   { unique = "id" },
--!   { relationships = { column = "id", to = "customers", to_column = "id" } },
--! ]
--! [columns]
--! id = "the later customer"
--! first_id = "the earliest customer with the same values"
--! repeats = "which repeat it is: 1 for the first, 2 for the second, …"
--! line = "where the row stands in the file"
WITH marked AS (
    SELECT
        id,
        _line AS line,
        first_value(id) OVER same AS first_id,
        CAST(row_number() OVER same AS BIGINT) - 1 AS repeats
    FROM raw.customers
    WINDOW same AS (
        PARTITION BY
            year_birth, education, marital_status_given, income, kidhome, teenhome, dt_customer, recency,
            spend_wines, spend_fruits, spend_meat, spend_fish, spend_sweets, spend_gold,
            purchases_deals, purchases_web, purchases_catalog, purchases_store, web_visits,
            accepted_cmp1, accepted_cmp2, accepted_cmp3, accepted_cmp4, accepted_cmp5, response, complain
        ORDER BY _line
    )
)
SELECT id, first_id, repeats, line
FROM marked
WHERE repeats > 0
ORDER BY line
