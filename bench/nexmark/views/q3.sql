--! materialized = "live"
--! state_limit = "20M rows"
--! description = "Local item suggestion: who sells what in Oregon, Idaho and California. A join that never forgets."
SELECT p.name, p.city, p.state, a.id
FROM auction AS a
JOIN person AS p ON a.seller = p.id
WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA')
