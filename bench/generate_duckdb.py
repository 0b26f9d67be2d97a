"""A table with the columns of `tidemill generate transactions`, by DuckDB: every column drawn evenly and by itself.

    python generate_duckdb.py --rows 1000000 --seed 3 --out DIR

This is less work than ours (no customers who stay the same, no skew, seasons, patterns of fraud, errors or truth; other bytes with another number of threads), so
it says how fast a good engine writes such a file at best, and not more.
"""
import argparse
from pathlib import Path

import duckdb

arguments = argparse.ArgumentParser()
arguments.add_argument("--rows", type=int, required=True)
arguments.add_argument("--seed", type=int, default=3)
arguments.add_argument("--out", type=Path, required=True)
a = arguments.parse_args()
a.out.mkdir(parents=True)


def one_of(column, *words):
    listed = ", ".join(f"'{word}'" for word in words)
    return f"[{listed}][1 + CAST(floor(random() * {len(words)}) AS int)] AS {column}"


connection = duckdb.connect()
connection.execute(f"SELECT setseed({(a.seed % 1000) / 1000})")
connection.execute(f"""COPY (
    SELECT 'C' || lpad(CAST(CAST(floor(random() * {max(1, a.rows // 10)}) AS int) AS text), 9, '0') AS "CustomerID",
        TIMESTAMP '2024-01-01' + to_seconds(CAST(floor(i * {366 * 86400 / a.rows}) AS bigint)) AS "Date",
        CAST(exp(3 + 2 * random()) AS decimal(12, 2)) AS "Amount", 18 + CAST(floor(random() * 60) AS int) AS "Age", {one_of('"Gender"', 'Female', 'Male')},
        {one_of('"TransactionType"', 'Purchase', 'Transfer', 'Withdrawal', 'Deposit')},
        {one_of('"Location"', 'Berlin', 'Paris', 'London', 'Madrid', 'Rome', 'Vienna', 'New York', 'Chicago', 'Tokyo', 'Mumbai')},
        {one_of('"Device"', 'Mobile', 'Desktop', 'ATM', 'POS')}
    FROM range({a.rows}) r(i)) TO '{a.out}/transactions.csv' (FORMAT csv, HEADER)""")
