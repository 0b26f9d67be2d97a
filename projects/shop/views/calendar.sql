--! materialized = "table"
--! description = "One row per day of the period, with the weeks, months and quarters that it is part of."
--! tests = [
--!   { unique = "day" },
--!   { name = "no_gap", sql = "SELECT days FROM period WHERE days <> (SELECT count(*) FROM calendar)" },
--! ]
--! [columns]
--! day = "day"
--! week = "the Monday that its week begins with"
--! month = "first day of its month"
--! quarter = "first day of its quarter"
--! year = "year"
--! weekday = "Monday 1 to Sunday 7"
--! is_weekend = "Saturday or Sunday"
SELECT
    day,
    CAST(date_trunc('week', day) AS DATE) AS week,
    CAST(date_trunc('month', day) AS DATE) AS month,
    CAST(date_trunc('quarter', day) AS DATE) AS quarter,
    CAST(extract(year FROM day) AS BIGINT) AS year,
    CAST(day - CAST(date_trunc('week', day) AS DATE) AS BIGINT) + 1 AS weekday,
    day - CAST(date_trunc('week', day) AS DATE) >= 5 AS is_weekend
FROM (SELECT CAST(unnest(generate_series(first_day, last_day, INTERVAL '1 day')) AS DATE) AS day FROM period) AS d
