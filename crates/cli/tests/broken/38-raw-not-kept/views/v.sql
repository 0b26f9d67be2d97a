SELECT _file, count(*) AS n FROM raw.customers GROUP BY _file
