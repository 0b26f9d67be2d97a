"""The nightly script as one meets it: reads the file a line at a time, looks things up, writes a row, commits every 1,000 rows; then some SQL.

    python postgres_rows.py ORDERS.csv REFERENCE_DIR OUT_DIR --host SOCKET_DIR [--lookups sql|memory]

It is written as well as this way of doing it allows: statements are prepared once, days that were seen are not parsed again. With `--lookups memory` the
right spellings are fetched once, and what a misspelt one stands for is remembered, so that a row costs one statement instead of three.
"""
import argparse
import csv
import datetime
import functools
import json
import re
import time
from decimal import Decimal
from pathlib import Path

import psycopg

MISSING = {"", "N/A", "NULL", "-", "unknown", "?", "nan", "n/a"}
DAYS = ["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%b %d, %Y", "%d %b %Y", "%Y/%m/%d"]
WHOLE = re.compile(r"(-?\d+)(\.0+)?")
AMOUNT = re.compile(r"-?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?")
CURRENCY = re.compile(r"^\s*[$€]|\s*(EUR|€)\s*$")
ROWS_A_COMMIT = 1000

SCHEMA = """
CREATE EXTENSION fuzzystrmatch;
CREATE TABLE countries (name text PRIMARY KEY);
CREATE TABLE categories (name text PRIMARY KEY);
CREATE TABLE rejected (line bigint, reason text, raw text);
CREATE TABLE orders (
    row_key text PRIMARY KEY, customer_id text NOT NULL, name text NOT NULL, age int, country text NOT NULL, registration_date date, order_date date,
    quantity int NOT NULL, total_amount numeric(12, 2), product_id text NOT NULL, product_name text, category text NOT NULL, price numeric(12, 2),
    shipping_address text, shipping_date date, age_group text, order_month text
);
"""
EXACT = "SELECT name FROM {} WHERE lower(name) = lower(trim(%s))"
NEAREST = """SELECT name FROM {0} WHERE levenshtein(lower(name), lower(trim(%(value)s))) <= 2
    ORDER BY levenshtein(lower(name), lower(trim(%(value)s))), name LIMIT 1"""
INSERT = f"INSERT INTO orders VALUES ({', '.join(['%s'] * 17)}) ON CONFLICT (row_key) DO NOTHING"
REJECT = "INSERT INTO rejected VALUES (%s, %s, %s)"

# What needs all rows: the median of the ages, for those that are missing; and the table that people ask for in the morning.
AFTER = [
    """UPDATE orders SET age = m.age, age_group = CASE WHEN m.age < 30 THEN 'Young' WHEN m.age < 60 THEN 'Middle-aged' ELSE 'Senior' END
        FROM (SELECT floor(percentile_cont(0.5) WITHIN GROUP (ORDER BY age))::int AS age FROM orders) m WHERE orders.age IS NULL""",
    """CREATE TABLE monthly_sales AS
        SELECT order_month, category, count(*) AS orders, sum(quantity) AS pieces, sum(total_amount) AS sales
        FROM orders WHERE order_month IS NOT NULL GROUP BY order_month, category""",
    "ANALYZE",
]


class Rejected(Exception):
    pass


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("orders", type=Path)
    arguments.add_argument("reference", type=Path)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--host", required=True)
    arguments.add_argument("--lookups", choices=["sql", "memory"], default="sql")
    a = arguments.parse_args()
    with psycopg.connect(host=a.host, dbname="postgres", user="tidemill") as connection:
        load(connection, a)


def load(connection, a):
    cursor = connection.cursor()
    cursor.execute(SCHEMA)
    for table in ("countries", "categories"):
        cursor.executemany(f"INSERT INTO {table} VALUES (%s)", [(name,) for name in (a.reference / f"{table}.txt").read_text().splitlines()])
    cursor.execute("ANALYZE countries, categories")
    connection.commit()

    country, category = lookup(cursor, "countries", a.lookups), lookup(cursor, "categories", a.lookups)
    started, number, taken, rejected = time.perf_counter(), 1, 0, 0
    with open(a.orders, encoding="utf-8", newline="") as lines:
        next(lines)
        for number, line in enumerate(lines, 2):
            line = line.rstrip("\r\n")
            try:
                cursor.execute(INSERT, row(line, country, category))
                taken += cursor.rowcount
            except Rejected as problem:
                cursor.execute(REJECT, (number, str(problem), line))
                rejected += 1
            if number % ROWS_A_COMMIT == 0:
                connection.commit()
                progress(a.out, "rows", number - 1, started)
    connection.commit()
    for stage, statement in enumerate(AFTER, 1):
        progress(a.out, f"SQL step {stage} of {len(AFTER)} after the rows", number - 1, started)
        cursor.execute(statement)
        connection.commit()
    (a.out / "report.json").write_text(json.dumps({"rows_in": number - 1, "quarantined": rejected, "rows_out": taken}))


def row(line, country, category):
    """A line's values as the table wants them."""
    try:
        fields = next(csv.reader([line], strict=True))
    except csv.Error as problem:
        raise Rejected(str(problem)) from None
    if len(fields) != 15:
        raise Rejected(f"{len(fields)} fields where 15 are expected")
    (customer, name, age, land, registered, ordered, quantity, total, product, product_name, kind, price, address, shipped, key) = (
        None if field in MISSING else field for field in fields)
    age, quantity, total, price = whole(age, "age"), whole(quantity, "quantity"), amount(total, "total_amount"), amount(price, "price")
    if customer is None or product is None or key is None:
        raise Rejected("a key is missing")
    age = None if age is None or not 0 <= age <= 120 else age
    quantity = abs(quantity) if quantity is not None and 1 <= abs(quantity) <= 1000 else 1
    price = None if price is None or price < 0 else price
    total = None if total is None or total < 0 else total
    if total is None and price is not None:
        total = quantity * price
    group = None if age is None else "Young" if age < 30 else "Middle-aged" if age < 60 else "Senior"
    day = date(ordered)
    return (key, customer, name or "Unknown", age, country(land), date(registered), day, quantity, total, product, product_name, category(kind), price,
            address, date(shipped), group, day and f"{day:%Y-%m}")


def whole(text, column):
    if text is None:
        return None
    found = WHOLE.fullmatch(text.strip())
    if not found:
        raise Rejected(f"{column}: {text!r} is no whole number")
    return int(found[1])


def amount(text, column):
    if text is None:
        return None
    number = CURRENCY.sub("", text).strip()
    if not AMOUNT.fullmatch(number):
        raise Rejected(f"{column}: {text!r} is no amount")
    return Decimal(number.replace(",", ""))


@functools.lru_cache(maxsize=100_000)
def date(text):
    if text is not None:
        for notation in DAYS:
            try:
                return datetime.datetime.strptime(text.strip(), notation).date()
            except ValueError:
                pass
    return None


def lookup(cursor, table, where):
    exact, nearest = EXACT.format(table), NEAREST.format(table)

    def ask(value):
        if value is None:
            return "Unknown"
        found = cursor.execute(exact, (value,)).fetchone() or cursor.execute(nearest, {"value": value}).fetchone()
        return found[0] if found else "Unknown"

    return ask if where == "sql" else functools.lru_cache(maxsize=1_000_000)(ask)


def progress(out, stage, rows, started):
    """How far it has come, for whoever has to stop it."""
    (out / "progress.json").write_text(json.dumps({"stage": stage, "rows": rows, "seconds": round(time.perf_counter() - started, 3)}))


main()
