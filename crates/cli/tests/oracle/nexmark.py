"""Answers to the Nexmark queries against DuckDB's, over the same events: nexmark.py QUERIES DATA ANSWERS

QUERIES holds the views (q0.sql …), DATA the events as CSV, ANSWERS one CSV per query. The queries are taken as they are; what DuckDB writes differently is
replaced, windows by their definition among it. Needs duckdb.
"""

import re
import sys
from pathlib import Path

import duckdb

queries, data, answers = (Path(p) for p in sys.argv[1:4])
db = duckdb.connect()
for table in ["person", "auction", "bid"]:
    db.execute(f"CREATE TABLE {table} AS SELECT * FROM read_csv('{data / table}.csv', header = true, types = {{'dateTime': 'TIMESTAMP'}})")
db.execute("ALTER TABLE auction ALTER expires TYPE TIMESTAMP")
db.execute(f"CREATE TABLE side_input AS SELECT * FROM read_csv('{queries.parent / 'side_input.csv'}', header = true)")
db.execute("CREATE MACRO count_char(t, c) AS len(t) - len(replace(t, c, ''))")
db.execute("CREATE MACRO to_char(t, f) AS strftime(t, f)")
# Each window that could hold a row, and the rows within it.
db.execute("""
CREATE MACRO tumble(t, size) AS TABLE
SELECT r.*, to_timestamp(0)::TIMESTAMP + size * k AS window_start, to_timestamp(0)::TIMESTAMP + size * (k + 1) AS window_end
FROM (SELECT *, CAST(floor(epoch_us(datetime) / epoch_us(TIMESTAMP '1970-01-01' + size)) AS INT) AS k FROM query_table(t)) r
""")
db.execute("""
CREATE MACRO hop(t, slide, size) AS TABLE
SELECT r.*, w.s AS window_start, w.s + size AS window_end
FROM query_table(t) r
JOIN (SELECT unnest(generate_series((SELECT date_trunc('minute', min(datetime)) - size FROM query_table(t)), (SELECT max(datetime) FROM query_table(t)), slide)) AS s) w
  ON w.s <= r.datetime AND r.datetime < w.s + size
""")
db.execute("""
CREATE MACRO session(t, gap) AS TABLE
SELECT * EXCLUDE (island), min(datetime) OVER same AS window_start, max(datetime) OVER same + gap AS window_end
FROM (
  SELECT *, sum(CASE WHEN datetime <= before + gap THEN 0 ELSE 1 END) OVER (PARTITION BY bidder ORDER BY datetime ROWS UNBOUNDED PRECEDING) AS island
  FROM (SELECT *, lag(datetime) OVER (PARTITION BY bidder ORDER BY datetime) AS before FROM query_table(t))
) WINDOW same AS (PARTITION BY bidder, island)
""")


def ducks(sql):
    sql = re.sub(r"\b(tumble|hop)\((\w+), datetime, ", r"\1('\2', ", sql)
    sql = re.sub(r"\bsession\((\w+), datetime, (INTERVAL '[^']*'), bidder\)", r"session('\1', \2)", sql)
    match = r"\(regexp_match\((.*?), ('.*?')\)\)\[2\]"
    return re.sub(match, r"nullif(regexp_extract(\1, \2, 2), '')", sql)


wrong = []
for file in sorted(queries.glob("q*.sql"), key=lambda f: int(f.stem[1:])):
    name = file.stem
    sql = ducks("\n".join(line for line in file.read_text().splitlines() if not line.startswith("--!")))
    db.execute(f"CREATE TABLE {name} AS {sql}")
    db.execute(f"CREATE TABLE ours AS SELECT * FROM {name} LIMIT 0")
    db.execute(f"COPY ours FROM '{answers / name}.csv' (HEADER)")
    types = db.execute(f"DESCRIBE {name}").fetchall()
    columns = ", ".join(f"printf('%.9e', {c[0]})" if c[1] == "DOUBLE" else c[0] for c in types)
    count = db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
    differ = [
        db.execute(f"SELECT count(*) FROM (SELECT {columns} FROM {a} EXCEPT ALL SELECT {columns} FROM {b})").fetchone()[0]
        for a, b in [("ours", name), (name, "ours")]
    ]
    print(f"{name}: {count} rows, {differ[0]} of ours are not DuckDB's, {differ[1]} of DuckDB's not ours")
    if any(differ) or not count:
        wrong.append(name)
        for a, b in [("ours", name), (name, "ours")]:
            print("  ", a, db.execute(f"SELECT {columns} FROM {a} EXCEPT ALL SELECT {columns} FROM {b} LIMIT 2").fetchall())
    db.execute("DROP TABLE ours")
sys.exit(f"differ or empty: {', '.join(wrong)}" if wrong else 0)
