"""The same work as someone does it who knows the database: the file is copied in whole, and statements over all rows do the rest.

    python postgres_sets.py ORDERS.csv REFERENCE_DIR OUT_DIR --host SOCKET_DIR

COPY stops at the first broken line, so lines that are no record are taken out on the way in; all else is SQL (postgres_sets.sql). Typos and days are worked
out once per distinct text.
"""
import argparse
import csv
import json
import time
from pathlib import Path

import psycopg

BLOCK = 1 << 20


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("orders", type=Path)
    arguments.add_argument("reference", type=Path)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--host", required=True)
    a = arguments.parse_args()
    setup, *statements = (Path(__file__).parent / "postgres_sets.sql").read_text().split("\n---\n")
    with psycopg.connect(host=a.host, dbname="postgres", user="tidemill") as connection:
        cursor = connection.cursor()
        cursor.execute(setup)
        for table in ("countries", "categories"):
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                copy.write((a.reference / f"{table}.txt").read_bytes())
        rows_in, started = copy_in(cursor, a), time.perf_counter()
        for stage, statement in enumerate(statements, 1):
            (a.out / "progress.json").write_text(json.dumps(
                {"stage": f"SQL step {stage} of {len(statements)}", "rows": rows_in, "seconds": round(time.perf_counter() - started, 3)}))
            cursor.execute(statement)
        connection.commit()
        quarantined, rows_out = cursor.execute("SELECT (SELECT count(*) FROM rejected), (SELECT count(*) FROM orders)").fetchone()
    (a.out / "report.json").write_text(json.dumps({"rows_in": rows_in, "quarantined": quarantined, "rows_out": rows_out}))


def copy_in(cursor, a):
    """Every line that is a record goes to `incoming`, the others to `rejected`; how many there were."""
    number, rejected = 1, []
    with open(a.orders, "rb") as lines, cursor.copy("COPY incoming FROM STDIN (FORMAT csv)") as copy:
        next(lines)
        block = bytearray()
        for number, line in enumerate(lines, 2):
            problem = check(line)
            if problem:
                rejected.append((number, problem, line.decode(errors="replace").rstrip("\r\n")))
                continue
            block += b"%d," % number + line
            if len(block) > BLOCK:
                copy.write(bytes(block))
                block.clear()
                (a.out / "progress.json").write_text(json.dumps({"stage": "rows", "rows": number - 1}))
        copy.write(bytes(block))
    cursor.executemany("INSERT INTO rejected VALUES (%s, %s, %s)", rejected)
    return number - 1


def check(line):
    """What is wrong with a line, or nothing. Without quotes, counting commas is enough."""
    if b'"' not in line:
        fields = line.count(b",") + 1
    else:
        try:
            fields = len(next(csv.reader([line.decode().rstrip("\r\n")], strict=True)))
        except csv.Error as problem:
            return str(problem)
    return None if fields == 15 else f"{fields} fields where 15 are expected"


main()
