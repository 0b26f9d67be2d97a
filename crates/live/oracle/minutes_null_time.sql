SELECT date_trunc('minute', ts) AS minute, count(*) AS n FROM events
GROUP BY date_trunc('minute', ts)
