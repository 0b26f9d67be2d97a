--! description = "The period that the orders tell of, in one row. Its last day stands for today, so that results don't change with the calendar."
--! tests = [
--!   { not_null = ["first_day", "last_day", "last_moment"] },
--! ]
--! [columns]
--! first_day = "day of the first order"
--! last_day = "day of the last order"
--! last_moment = "moment of the last order"
--! days = "days from the first to the last, both counted"
SELECT
    CAST(min(ordered_at) AS DATE) AS first_day,
    CAST(max(ordered_at) AS DATE) AS last_day,
    max(ordered_at) AS last_moment,
    CAST(max(ordered_at) AS DATE) - CAST(min(ordered_at) AS DATE) + 1 AS days
FROM orders
