--! description = "A day among its neighbours: frames by ROWS (so many days), RANGE (so much time) and GROUPS (so many different values)."
--! tests = [
--!   { unique = "day" },
--!   { not_null = ["net_mean_around", "net_of_two_weeks"] },
--! ]
--! [columns]
--! day = "day"
--! week = "the Monday of its week"
--! net = "revenue of the day, in euros"
--! net_mean_around = "ROWS: mean of the day, three before and three after"
--! net_max_30_days = "RANGE: the best of the 30 days up to this one"
--! net_rest_of_month = "RANGE over a partition: what was still to come in the month"
--! days_of_two_weeks = "GROUPS: days of this week and the one before"
--! net_of_two_weeks = "GROUPS: revenue of this whole week and the whole one before"
--! net_first_of_week = "first_value: revenue of the week's first day"
--! net_last_of_week = "last_value: revenue of the week's last day"
--! net_second_of_week = "nth_value: revenue of the week's second day"
--! rank_in_month = "the month's best day is 1; ties have one rank"
--! quarter_of_days = "ntile: 1 for the worst quarter of all days to 4 for the best"
--! share_of_days_not_better = "cume_dist: share of days with no more revenue"
SELECT
    d.day,
    c.week,
    d.net,
    avg(CAST(d.net AS DOUBLE)) OVER (ORDER BY d.day ROWS BETWEEN 3 PRECEDING AND 3 FOLLOWING) AS net_mean_around,
    max(d.net) OVER (ORDER BY d.day RANGE BETWEEN INTERVAL '29 days' PRECEDING AND CURRENT ROW) AS net_max_30_days,
    sum(d.net) OVER (PARTITION BY c.month ORDER BY d.day RANGE BETWEEN INTERVAL '1 day' FOLLOWING AND UNBOUNDED FOLLOWING) AS net_rest_of_month,
    count(*) OVER (ORDER BY c.week GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) AS days_of_two_weeks,
    sum(d.net) OVER (ORDER BY c.week GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) AS net_of_two_weeks,
    first_value(d.net) OVER (PARTITION BY c.week ORDER BY d.day) AS net_first_of_week,
    last_value(d.net) OVER (PARTITION BY c.week ORDER BY d.day ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS net_last_of_week,
    nth_value(d.net, 2) OVER (PARTITION BY c.week ORDER BY d.day ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS net_second_of_week,
    rank() OVER (PARTITION BY c.month ORDER BY d.net DESC) AS rank_in_month,
    ntile(4) OVER (ORDER BY d.net, d.day) AS quarter_of_days,
    cume_dist() OVER (ORDER BY d.net) AS share_of_days_not_better
FROM sales_by_day d
JOIN calendar c ON c.day = d.day
