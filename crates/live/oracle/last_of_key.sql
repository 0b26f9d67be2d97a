--! state_limit = 100000
SELECT user_id, page, ts
FROM (SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY ts DESC) AS back FROM clicks) WHERE back = 1
