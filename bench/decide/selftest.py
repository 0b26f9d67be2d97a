"""Shows that the comparison notices one lost row, one cent, one age, two swapped names, a day, and a row of the monthly sales.

    python bench/decide/selftest.py
"""
import sys
import tempfile
from pathlib import Path

import duckdb

import compare

CHANGES = {
    "one lost row": ("orders", "SELECT * FROM orders WHERE row_key <> 'R5'", "rows"),
    "one cent": ("orders", "SELECT * REPLACE (CASE WHEN row_key = 'R5' THEN total_amount + 0.01 ELSE total_amount END AS total_amount) FROM orders", "sum of total_amount"),
    "one age": ("orders", "SELECT * REPLACE (CASE WHEN row_key = 'R5' THEN 31 ELSE age END AS age) FROM orders", "sum of age"),
    "two swapped names": ("orders", "SELECT * REPLACE (CASE row_key WHEN 'R5' THEN 'Name 6' WHEN 'R6' THEN 'Name 5' ELSE name END AS name) FROM orders",
                          "every cell of every row (checksum)"),
    "a day": ("orders", "SELECT * REPLACE (CASE WHEN row_key = 'R5' THEN NULL ELSE shipping_date END AS shipping_date) FROM orders", "days that are known"),
    "a missing name for an empty one": ("orders", "SELECT * REPLACE (CASE WHEN row_key = 'R5' THEN '' ELSE product_name END AS product_name) FROM orders",
                                       "every cell of every row (checksum)"),
    "a month's pieces": ("monthly_sales", "SELECT * REPLACE (CASE WHEN category = 'Toys' THEN pieces + 1 ELSE pieces END AS pieces) FROM monthly_sales", "monthly sales by category"),
}


def main():
    connection = duckdb.connect()
    connection.execute("""CREATE TABLE orders AS SELECT 'R' || i AS row_key, 'C' || i % 7 AS customer_id, 'Name ' || i AS name, 20 + i AS age, 'Spain' AS country,
        DATE '2024-01-01' + CAST(i AS int) AS registration_date, DATE '2024-02-01' + CAST(i AS int) AS order_date, 1 + i % 3 AS quantity, 9.99 * i AS total_amount, 'P' || i AS product_id,
        CASE WHEN i <> 5 THEN 'Thing' END AS product_name, CASE WHEN i % 2 = 0 THEN 'Toys' ELSE 'Books' END AS category, 9.99 AS price, 'Street ' || i AS shipping_address,
        DATE '2024-02-03' + CAST(i AS int) AS shipping_date, 'Young' AS age_group, '2024-02' AS order_month FROM range(20) r(i)""")
    connection.execute("""CREATE TABLE monthly_sales AS
        SELECT order_month, category, count(*) AS orders, sum(quantity) AS pieces, sum(total_amount) AS sales FROM orders GROUP BY ALL""")
    missed = []
    with tempfile.TemporaryDirectory() as home:
        right = figures(connection, Path(home), {})
        if again := compare.differences(right, figures(connection, Path(home), {})):
            missed.append(f"the same tables differ: {again}")
        for what, (table, sql, where) in CHANGES.items():
            found = compare.differences(right, figures(connection, Path(home), {table: sql}))
            if where not in found:
                missed.append(f"{what} is not noticed by {where!r}, but by {found}")
    sys.exit("; ".join(missed) if missed else print(f"{len(CHANGES)} changes noticed"))


def figures(connection, home, instead):
    for table in ("orders", "monthly_sales"):
        connection.execute(f"COPY ({instead.get(table, f'SELECT * FROM {table}')}) TO '{home}/{table}.parquet' (FORMAT parquet)")
    return compare.of_files([f"{home}/orders.parquet"], [f"{home}/monthly_sales.parquet"])


main()
