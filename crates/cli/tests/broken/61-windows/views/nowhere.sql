SELECT count(*) AS orders FROM session(ordres, ordered_at, INTERVAL '1 hour', category)
