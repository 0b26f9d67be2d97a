--? WITH RECURSIVE cannot be kept current
--? help: keep it as a table: `--! materialized = "table"`
--? at: RECURSIVE
WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n
