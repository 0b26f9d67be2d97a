--! description = "Families answer campaigns less: acceptance by the number of children at home."
--! tests = [{ unique = "children" }]
--! [columns]
--! children = "small children and teenagers at home"
--! customers = "how many"
--! accepted_any_percent = "accepted at least one offer"
--! accepted_last_percent = "accepted the last campaign's offer"
--! spend_mean = "mean spend in two years"
SELECT
    children,
    count(*) AS customers,
    100.0 * count(*) FILTER (WHERE campaigns_accepted > 0) / count(*) AS accepted_any_percent,
    100.0 * avg(response) AS accepted_last_percent,
    avg(total_spend) AS spend_mean
FROM customers
GROUP BY children
ORDER BY children
