#!/usr/bin/env python3
"""Every view of a project against DuckDB's answer to the same SQL.

    bench/oracle/views.py PROJECT [--tidemill BINARY] [--views a,b] [--set KEY=VALUE] [--self-check] [--report FILE]

The project must have been run. Its base tables (raw, clean, quarantine, system) are read by DuckDB from the Parquet files that the Delta logs name, its
functions become macros, and each view is computed from those tables and from DuckDB's own answers to the views below it. What Tidemill says comes from the
Delta table of a kept view, and from `tidemill query` for the others. Rows are compared as a multiset, without regard to their order: floats to 1e-9
relative (or 1e-12, whichever is more), everything else exactly. The end is 1 when anything differs.

`--self-check` then changes one cell in each answer (another column from view to view) and takes one row out, and fails unless each is noticed.

SQL here means the common subset: DuckDB is told to divide integers as integers and to sort NULL as PostgreSQL does; ranks and the like must have no ties, or
both are right and differ.
"""
import argparse
import csv
import json
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import duckdb
import pyarrow
from deltalake import DeltaTable

RELATIVE, ABSOLUTE = 1e-9, 1e-12
SYSTEM = "system_of_tidemill"  # DuckDB has a catalogue called `system` of its own
EXACT_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "DECIMAL")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--tidemill", default="tidemill", help="the binary")
    parser.add_argument("--views", help="only these, separated by commas (those that they read are computed, too)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as given to tidemill run")
    parser.add_argument("--self-check", action="store_true", help="also prove that a changed cell and a lost row are noticed")
    parser.add_argument("--report", type=Path, help="write rows, seconds and differences of each view as JSON")
    parser.add_argument("--memory", default="4GB", help="DuckDB's memory")
    arguments = parser.parse_args()
    tidemill = Tidemill(arguments.tidemill, arguments.project, arguments.set)

    with tempfile.TemporaryDirectory(prefix="oracle-") as scratch:
        con = duckdb.connect(str(Path(scratch) / "oracle.duckdb"))
        for setting in (
            "TimeZone = 'UTC'", "integer_division = true", "default_null_order = 'nulls_last_on_asc_first_on_desc'",
            f"memory_limit = '{arguments.memory}'", f"temp_directory = '{scratch}/spill'", "preserve_insertion_order = false",
        ):
            con.execute(f"SET {setting}")
        tables = base_tables(con, tidemill)
        macros = functions(con, arguments.project)
        wanted = set(arguments.views.split(",")) if arguments.views else None
        sql = {p.stem: windows(p.read_text()) for p in sorted((arguments.project / "views").rglob("*.sql"))}
        if wanted and wanted - set(sql):
            raise SystemExit(f"no such view: {', '.join(sorted(wanted - set(sql)))}")
        print(f"{tables} tables, {macros} functions, {len(sql)} views", flush=True)
        results = compute(con, sql, wanted)
        failed, cells = 0, 0
        for name, result in results.items():
            if wanted and name not in wanted:
                continue
            if "error" not in result:
                took = time.monotonic()
                try:
                    tidemill.answer(con, name)
                    result.update(compare(con, f'want."{name}"', f'got."{name}"'))
                except (duckdb.Error, Failed) as e:
                    result["error"] = str(e)
                result["compared_seconds"] = round(time.monotonic() - took, 3)
            differences = [result["error"]] if "error" in result else result["differences"]
            failed += bool(differences)
            cells += result.get("cells", 0)
            print(f"{'differs' if differences else 'equal':8}{name:36}{result.get('rows', 0):>12,} rows{result.get('cells', 0):>14,} cells"
                  f"{result['seconds']:>9.2f} s in DuckDB", flush=True)
            for line in differences[:12]:
                print(f"          {line}")
        compared = [n for n, r in results.items() if "differences" in r]
        print(f"{len(compared)} views compared, {cells:,} cells; {failed} differ")
        if arguments.report:
            arguments.report.write_text(json.dumps(results, indent=1))
        if failed or not compared:
            raise SystemExit(1)
        if arguments.self_check:
            self_check(con, [n for n in compared if results[n]["rows"]])


class Failed(Exception):
    pass


class Tidemill:
    """The program under test, and where it keeps things."""

    def __init__(self, binary, project, settings):
        self.command = [binary, "-C", str(project), *[a for s in settings for a in ("--set", s)]]
        self.project = project
        # It may come from tidemill.toml, the environment or --set.
        settings = json.loads(self.run("config", "show", "--format", "json"))
        self.lake = project / next(s["value"] for s in settings if s["key"] == "lake.location").strip('"')

    def run(self, *arguments):
        done = subprocess.run([*self.command, *arguments], capture_output=True)
        if done.returncode:
            raise Failed(f"tidemill {' '.join(arguments)} ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    def clean_location(self, table):
        location = tomllib.loads((self.project / "tables" / f"{table}.toml").read_text()).get("location")
        return self.project / location if location else self.lake / "clean" / table

    def answer(self, con, view):
        """Makes got.VIEW."""
        kept = self.lake / "public" / view
        header = "\n".join(l[3:] for l in (next((self.project / "views").rglob(f"{view}.sql"))).read_text().splitlines() if l.startswith("--!"))
        if tomllib.loads(header).get("materialized") in ("table", "live"):
            if not (kept / "_delta_log").is_dir():
                raise Failed("it was never built")
            con.execute(f'CREATE OR REPLACE TABLE got."{view}" AS {delta_select(con, kept)}')
            return
        rows = self.run("query", f'SELECT * FROM "{view}"', "--format", "csv", "--limit", "0")
        names = next(csv.reader(rows[: rows.find(b"\n") + 1].decode().splitlines()), [])
        if not names:  # without a row there may be no header; then DuckDB's names do
            names = [c[0] for c in con.execute(f'DESCRIBE want."{view}"').fetchall()]
        asked = ", ".join(f'arrow_typeof("{n}") AS "{n}"' for n in names)
        row = json.loads(self.run("query", f'SELECT {asked} FROM "{view}" LIMIT 1', "--format", "json"))
        with tempfile.NamedTemporaryFile(suffix=".csv") as file:
            file.write(rows)
            file.flush()
            columns = ", ".join(f"{quoted(n)}: {quoted(duckdb_type(row[0][n]) if row else 'VARCHAR')}" for n in names)
            con.execute(
                f"""CREATE OR REPLACE TABLE got."{view}" AS SELECT * FROM read_csv('{file.name}', header = true, delim = ',', quote = '"', escape = '"',
                    auto_detect = false, allow_quoted_nulls = false, max_line_size = 16777216, columns = {{{columns}}})""")


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def duckdb_type(arrow):
    """The DuckDB type for what `arrow_typeof` says."""
    if found := re.match(r"Decimal\d+\((\d+), (-?\d+)\)", arrow):
        return f"DECIMAL({min(int(found[1]), 38)}, {found[2]})"
    if found := re.match(r"Dictionary\([^,]+, (.+)\)$", arrow):
        return duckdb_type(found[1])
    simple = {"Boolean": "BOOLEAN", "Float16": "DOUBLE", "Float32": "DOUBLE", "Float64": "DOUBLE", "Date32": "DATE", "UInt64": "UBIGINT", "Null": "VARCHAR"}
    if arrow in simple:
        return simple[arrow]
    if re.match(r"U?Int\d+$", arrow):
        return "BIGINT"
    if arrow.startswith("Timestamp"):
        return "TIMESTAMPTZ" if "," in arrow and "None" not in arrow else "TIMESTAMP"
    return "VARCHAR"


def base_tables(con, tidemill):
    """Views over the Parquet files of each table; clean ones are in `main`, too, as Tidemill's bare names are."""
    count = 0
    for schema in ("raw", "clean", "quarantine", SYSTEM, "want", "got"):
        con.execute(f"CREATE SCHEMA {schema}")
    names = {(s, p.name): p for s in ("raw", "clean", "quarantine", "system") if (tidemill.lake / s).is_dir() for p in (tidemill.lake / s).iterdir()}
    for described in (tidemill.project / "tables").glob("*.toml"):
        names["clean", described.stem] = tidemill.clean_location(described.stem)
    for (schema, name), path in sorted(names.items()):
        if not (path / "_delta_log").is_dir():
            continue  # nothing was ever put there
        con.execute(f'CREATE VIEW {SYSTEM if schema == "system" else schema}."{name}" AS {delta_select(con, path)}')
        if schema == "clean":
            con.execute(f'CREATE VIEW main."{name}" AS SELECT * FROM clean."{name}"')
        count += 1
    return count


def delta_select(con, path):
    """A SELECT over the files of a Delta table's latest version: its columns in its order, partitions' values put in."""
    table = DeltaTable(str(path))
    fields = [(f.name, delta_type(f.type)) for f in table.schema().fields]
    partitions = table.metadata().partition_columns
    groups = {}
    for row in pyarrow.table(table.get_add_actions(flatten=True)).to_pylist():
        values = tuple(row.get(f"partition.{p}") for p in partitions)
        groups.setdefault(values, []).append(str(Path(path) / row["path"].replace("%20", " ").replace("%3A", ":").replace("%25", "%")))
    if not groups:
        return "SELECT " + ", ".join(f'CAST(NULL AS {t}) AS "{n}"' for n, t in fields) + " WHERE false"
    # Files of one table may lack columns that came later: the first SELECT, of no row, has them all.
    parts = ["SELECT " + ", ".join(f'CAST(NULL AS {t}) AS "{n}"' for n, t in fields) + " WHERE false"]
    for values, files in sorted(groups.items(), key=lambda g: str(g[0])):
        constant = "".join(
            f', {"NULL" if v is None else quoted(str(v))}::{dict(fields)[p]} AS "{p}"' for p, v in zip(partitions, values))
        listed = ", ".join(quoted(f) for f in files)
        parts.append(f"SELECT *{constant} FROM read_parquet([{listed}], union_by_name = true, hive_partitioning = false)")
    selected = ", ".join(f'CAST("{n}" AS {t}) AS "{n}"' for n, t in fields)
    return f"SELECT {selected} FROM ({' UNION ALL BY NAME '.join(parts)})"


def delta_type(described):
    named = getattr(described, "type", None)
    if not isinstance(named, str):
        return {"array": "VARCHAR[]"}.get(named, "VARCHAR")
    simple = {"string": "VARCHAR", "long": "BIGINT", "integer": "INTEGER", "short": "SMALLINT", "byte": "TINYINT", "double": "DOUBLE", "float": "FLOAT",
              "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMPTZ", "timestamp_ntz": "TIMESTAMP", "binary": "BLOB"}
    return simple.get(named, named.upper())  # decimal(p,s) is written as here


def functions(con, project):
    """CREATE FUNCTION as macros. A macro has no types: arguments are cast to the declared ones on the way in, the value on the way out."""
    texts = {p.stem: "\n".join(l for l in p.read_text().splitlines() if not l.startswith("--")) for p in sorted((project / "functions").glob("*.sql"))}
    todo = dict(texts)
    while todo:
        made, error = [], None
        for name, text in todo.items():
            try:
                macro(con, name, text)
                made.append(name)
            except (duckdb.CatalogException, duckdb.BinderException) as e:
                error = e
        if not made:
            raise SystemExit(f"no order in which {', '.join(todo)} can be made: {error}")
        for name in made:
            del todo[name]
    return len(texts)


def macro(con, name, text):
    text = text.strip().rstrip(";")
    shape = r"CREATE\s+(?:OR\s+REPLACE\s+)?FUNCTION\s+\w+\s*\((?P<parameters>.*?)\)\s*RETURNS\s+(?P<returns>.*?)\s+RETURN\s+(?P<body>.*)$"
    found = re.match(shape, text, re.IGNORECASE | re.DOTALL)
    if not found:
        found = re.match(shape.replace(r"RETURN\s+(?P<body>.*)$", r"AS\s+(?P<body>.*)$"), text, re.IGNORECASE | re.DOTALL)
    if not found:
        raise SystemExit(f"functions/{name}.sql is not of a form this script knows")
    parameters = []
    for part in split_top(found["parameters"]):
        declared = re.split(r"\s+DEFAULT\s+|\s*=\s*", part.strip(), maxsplit=1, flags=re.IGNORECASE)[0].split(None, 1)
        parameters.append((declared[0].lower(), declared[1]))
    names = ", ".join(p for p, _ in parameters)
    if re.match(r"(TABLE|SETOF)\b", found["returns"], re.IGNORECASE):
        body = found["body"].strip().removeprefix("(").removesuffix(")") if found["body"].strip().startswith("(") else found["body"]
        con.execute(f"CREATE MACRO {name}({names}) AS TABLE {body}")
        return
    con.execute(f"CREATE MACRO {name}_of_typed({names}) AS ({found['body']})")
    typed = ", ".join(f"CAST({p} AS {t})" for p, t in parameters)
    con.execute(f"CREATE MACRO {name}({names}) AS CAST({name}_of_typed({typed}) AS {found['returns']})")


def split_top(text):
    """Splits at commas outside parentheses."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [p for p in [*parts, text[start:]] if p.strip()]


def compute(con, sql, wanted):
    """Makes want.NAME of every view, in whatever order works; `main.NAME` is what other views read."""
    results, todo = {}, dict(sql)
    needed = None if wanted is None else closure(sql, wanted)
    todo = {n: s for n, s in todo.items() if needed is None or n in needed}
    while todo:
        made = []
        for name, text in todo.items():
            if any(other in todo for other in reads(text, sql) if other != name):
                continue
            started = time.monotonic()
            try:
                select = re.sub(r"(?<![.\w])system\.", f"{SYSTEM}.", text).strip().rstrip(";")
                con.execute(f'CREATE TABLE want."{name}" AS {select}')
                con.execute(f'CREATE OR REPLACE VIEW main."{name}" AS SELECT * FROM want."{name}"')
                results[name] = {"seconds": round(time.monotonic() - started, 3)}
            except duckdb.Error as e:
                results[name] = {"seconds": 0.0, "error": f"DuckDB refuses it: {e}"}
            made.append(name)
        if not made:
            raise SystemExit(f"views read each other in a circle: {', '.join(todo)}")
        for name in made:
            del todo[name]
    return results


def windows(text):
    """Tumbling and hopping windows in FROM as DuckDB says them, from the meaning of the words and not from what Tidemill makes of them."""
    origin = "TIMESTAMPTZ '1970-01-01 00:00:00+00'"

    def tumble(m):
        start = f"time_bucket({m['size']}, {m['ts']}, {origin})"
        return f"(SELECT *, {start} AS window_start, {start} + {m['size']} AS window_end FROM {m['t']} WHERE {m['ts']} IS NOT NULL)"

    def hop(m):
        last = f"time_bucket({m['slide']}, {m['ts']}, {origin})"
        begins = f"unnest(generate_series({last} - {m['size']} + {m['slide']}, {last}, {m['slide']}))"
        inner = f"SELECT *, {begins} AS window_start FROM {m['t']} WHERE {m['ts']} IS NOT NULL"
        return f"(SELECT *, window_start + {m['size']} AS window_end FROM ({inner}))"

    interval = r"INTERVAL\s+'[^']*'"
    table = r"\(\s*(?P<t>[\w.\"]+)\s*,\s*(?P<ts>\w+)\s*,\s*"
    text = re.sub(rf"\btumble{table}(?P<size>{interval})\s*\)", tumble, text, flags=re.IGNORECASE)
    return re.sub(rf"\bhop{table}(?P<slide>{interval})\s*,\s*(?P<size>{interval})\s*\)", hop, text, flags=re.IGNORECASE)


def reads(text, sql):
    """The views that occur in it as words after FROM, JOIN or a comma. More than it reads does no harm, unless that makes a circle."""
    bare = re.sub(r"--[^\n]*|'(?:[^']|'')*'", " ", text)
    return {n for n in sql if re.search(rf'(?:FROM|JOIN|,)\s+(?:public\.)?"?{re.escape(n)}"?\b(?!\s*\()', bare, re.IGNORECASE)}


def closure(sql, wanted):
    found, todo = set(), list(wanted)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(reads(sql[name], sql) - {name})
    return found


def columns_of(con, relation):
    return {name: kind for name, kind, *_ in con.execute(f"DESCRIBE {relation}").fetchall()}


def kind_of(sql_type):
    if sql_type.startswith(EXACT_NUMBERS):
        return "number"
    if sql_type in ("DOUBLE", "FLOAT"):
        return "float"
    if sql_type == "DATE" or sql_type.startswith("TIMESTAMP"):
        return "instant"
    return sql_type.lower()


def compare(con, want, got):
    """Rows, cells, and what differs, in words."""
    left, right = columns_of(con, want), columns_of(con, got)
    differences = []
    if list(left) != list(right):
        return {"rows": 0, "cells": 0, "differences": [f"columns {', '.join(right)} instead of {', '.join(left)}"]}
    exact, floats = [], []
    rows, there = (con.execute(f"SELECT count(*) FROM {r}").fetchone()[0] for r in (want, got))
    if rows != there:
        differences.append(f"{there:,} rows instead of {rows:,}")
    for name in left:
        a, b = kind_of(left[name]), kind_of(right[name])
        if {a, b} <= {"number", "float"} and "float" in (a, b):
            floats.append((name, f'"{name}"::DOUBLE'))
        elif a != b and rows and not never(con, want, got, name):
            differences.append(f"{name} is {right[name]} instead of {left[name]}")
        elif a == "instant":
            exact.append((name, f'"{name}"::TIMESTAMP'))
        elif a == "number":
            # Numbers of different width are equal when they are as numbers.
            exact.append((name, f'"{name}"' if left[name] == right[name] else f'"{name}"::DECIMAL(38, 10)' if "DECIMAL" in left[name] + right[name] else f'"{name}"::HUGEINT'))
        elif a == b and a not in ("varchar", "boolean", "instant", "blob"):
            exact.append((name, f'"{name}"::VARCHAR'))
        elif a == b:
            exact.append((name, f'"{name}"'))
    if differences:
        return {"rows": rows, "cells": 0, "differences": differences}
    differences = difference_of_rows(con, want, got, exact, floats)
    return {"rows": rows, "cells": rows * len(left), "differences": differences}


def never(con, want, got, name):
    """Whether a column has no value on either side: then its type is nobody's fault (CSV has none)."""
    return all(con.execute(f'SELECT count("{name}") FROM {r}').fetchone()[0] == 0 for r in (want, got))


def difference_of_rows(con, want, got, exact, floats):
    keys = [f"e{i}" for i in range(len(exact))]
    values = [f"f{i}" for i in range(len(floats))]
    shown = ", ".join([*(f"{e} AS {k}" for k, (_, e) in zip(keys, exact)), *(f"{e} AS {v}" for v, (_, e) in zip(values, floats))])
    # Rows with the same exact cells are paired in the order of their floats.
    place = f"row_number() OVER (PARTITION BY {', '.join(keys) or '1'} ORDER BY {', '.join(values) or '1'})"
    for side, relation in (("a", want), ("b", got)):
        con.execute(f"CREATE OR REPLACE TEMP TABLE {side} AS SELECT *, {place} AS place FROM (SELECT {shown} FROM {relation})")
    on = " AND ".join([*(f"a.{k} IS NOT DISTINCT FROM b.{k}" for k in keys), "a.place = b.place"])
    names = [n for n, _ in exact] + [n for n, _ in floats]
    found = []
    for word, one, other in (("missing", "a", "b"), ("not expected", "b", "a")):
        alone = f"FROM {one} WHERE NOT EXISTS (SELECT 1 FROM {other} WHERE {on})"
        if count := con.execute(f"SELECT count(*) {alone}").fetchone()[0]:
            found.append(f"{count:,} rows {word}, for example:")
            told = ", ".join(f"{c}::VARCHAR" for c in keys + values) or "place"
            for row in con.execute(f"SELECT {told} {alone} ORDER BY ALL LIMIT 3").fetchall():
                found.append("  " + ", ".join(f"{n} = {v}" for n, v in zip(names, row)))
    if found or not floats:
        return found
    far = " OR ".join(f"NOT {near(v)}" for v in values)
    both = ", ".join(f"a.{v} AS a_{v}, b.{v} AS b_{v}" for v in values)
    picked = ", ".join([*(f"a.{k}::VARCHAR" for k in keys), both])
    suspects = con.execute(f"SELECT {picked}, a.place FROM a JOIN b ON {on} WHERE {far} LIMIT 1000").fetchall()
    lone = [n for n, _ in floats]
    for row in suspects:
        key, pairs = row[: len(keys)], row[len(keys):-1]
        if group_matches(con, keys, values, key):
            continue
        cells = [f"{n}: {pairs[2 * i + 1]!r} instead of {pairs[2 * i]!r}" for i, n in enumerate(lone) if not close(pairs[2 * i], pairs[2 * i + 1])]
        found.append(f"{', '.join(f'{n} = {v}' for (n, _), v in list(zip(exact, key))[:4])}: {'; '.join(cells)}")
    return found


def near(v):
    a, b = f"a.{v}", f"b.{v}"
    return f"({a} IS NOT DISTINCT FROM {b} OR coalesce(abs({a} - {b}) <= greatest({ABSOLUTE}, {RELATIVE} * greatest(abs({a}), abs({b}))), false))"


def close(a, b):
    if a is None or b is None or a != a or b != b:
        return (a is None) == (b is None) and (a != a) == (b != b)
    return a == b or abs(a - b) <= max(ABSOLUTE, RELATIVE * max(abs(a), abs(b)))


def group_matches(con, keys, values, key):
    """Rows that have the same exact cells may be paired the wrong way round where floats nearly tie: any pairing will do."""
    where = " AND ".join(f"{k}::VARCHAR IS NOT DISTINCT FROM ?" for k in keys) or "true"
    rows = [con.execute(f"SELECT {', '.join(values)} FROM {side} WHERE {where} LIMIT 500", key).fetchall() for side in ("a", "b")]
    if len(rows[0]) < 2 or len(rows[0]) != len(rows[1]):
        return False
    left = list(rows[1])
    for row in rows[0]:
        partner = next((o for o in left if all(close(x, y) for x, y in zip(row, o))), None)
        if partner is None:
            return False
        left.remove(partner)
    return True


def self_check(con, names):
    """Each answer with one cell changed, and with one row less, must differ."""
    unseen, tried = [], 0
    for number, name in enumerate(names):
        columns = list(columns_of(con, f'want."{name}"').items())
        column, sql_type = columns[number % len(columns)]
        kind = kind_of(sql_type)
        if kind in ("number", "float"):
            changed = f'CASE WHEN "{column}" IS NULL OR "{column}" = 0 THEN 1 ELSE "{column}" * {"1.000001" if kind == "float" else "2"} END'
            changed = f"CAST({changed} AS {sql_type})"
        elif kind == "instant":
            changed = f"CAST(coalesce(\"{column}\", TIMESTAMP '2000-01-01') + INTERVAL 1 DAY AS {sql_type})"
        elif kind == "boolean":
            changed = f'"{column}" IS NOT TRUE'
        else:
            changed = f"coalesce(CAST(\"{column}\" AS VARCHAR), '') || '?'"
        one = f"(SELECT min(rowid) FROM want.\"{name}\")"
        for what, sql in (
            (f"{name}.{column}", f'SELECT * REPLACE (CASE WHEN rowid = {one} THEN {changed} ELSE "{column}" END AS "{column}") FROM want."{name}"'),
            (f"a row of {name}", f'SELECT * FROM want."{name}" WHERE rowid <> {one}'),
        ):
            con.execute(f"CREATE OR REPLACE TABLE got.changed AS {sql}")
            tried += 1
            if not compare(con, f'want."{name}"', "got.changed")["differences"]:
                unseen.append(what)
    print(f"self-check: {tried} changes made, {tried - len(unseen)} noticed")
    if unseen:
        raise SystemExit(f"not noticed: {', '.join(unseen)}")


if __name__ == "__main__":
    try:
        main()
    except Failed as e:
        sys.exit(str(e))
