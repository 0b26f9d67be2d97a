--! description = "What leaving the repeated customers out would change: the reason why they can stay."
--! tests = [{ unique = "measure" }]
--! [columns]
--! measure = "a headline figure"
--! all_rows = "over all customers"
--! without_repeats = "over customers that repeat no earlier one"
--! difference_percent = "by how much the second differs from the first"
WITH marked AS (
    SELECT c.*, r.id IS NULL AS is_first FROM customers c LEFT JOIN repeated_customers r ON c.id = r.id
), measures AS (
    SELECT 'customers' AS measure, CAST(count(*) AS DOUBLE PRECISION) AS all_rows,
           CAST(count(*) FILTER (WHERE is_first) AS DOUBLE PRECISION) AS without_repeats FROM marked
    UNION ALL SELECT 'median income', median(income), median(income) FILTER (WHERE is_first) FROM marked
    UNION ALL SELECT 'mean spend', avg(total_spend), avg(total_spend) FILTER (WHERE is_first) FROM marked
    UNION ALL SELECT 'mean age', avg(age), avg(age) FILTER (WHERE is_first) FROM marked
    UNION ALL SELECT 'accepted the last campaign, percent', 100.0 * avg(response), 100.0 * avg(response) FILTER (WHERE is_first) FROM marked
)
SELECT measure, all_rows, without_repeats, 100.0 * (without_repeats - all_rows) / all_rows AS difference_percent
FROM measures
