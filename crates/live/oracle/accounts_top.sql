--! state_limit = 100000
SELECT status, id, balance
FROM (SELECT *, row_number() OVER (PARTITION BY status ORDER BY balance DESC, id) AS place FROM accounts) WHERE place <= 3
