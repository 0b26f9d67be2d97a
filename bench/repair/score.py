#!/usr/bin/env python3
"""Scores the repair of a dirty table against the truth.

    bench/repair/score.py dirty.csv clean.csv                    # tidemill init --from dirty.csv, then tidemill run
    bench/repair/score.py dirty.csv clean.csv --project DIR      # a project that is there: only its `run`

The two files have the same columns in the same order (names may differ) and the same rows in the same order.

A cell is compared as a value of its column, not as text: where the truth's column holds numbers, `12`, `12.0` and
`12.0 oz` are one value, and the tokens that stand for a missing value (empty, NA, N/A, NULL, nan, ...) are no value.

    erroneous  cells of the dirty table whose value is not the truth's
    changed    cells whose value after the run is not the one before it
    precision  correctly changed / changed
    recall     correctly changed / erroneous

What only typing does counts neither way: `12.0 oz` read as 12.0 where the truth is 12 is neither an error nor a change. A
second line of figures counts such cells too: as errors that had to be repaired. A row that was set aside keeps what it had:
its errors are unrepaired.
"""

import argparse
import csv
import json
import math
import os
import re
import subprocess
import sys
import tempfile

MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "?", "\\n", "#n/a"}
NUMBER = re.compile(r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$")
LEADING = re.compile(r"^\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\d\s].*)?$")


def read(path):
    with open(path, encoding="utf-8-sig", newline="") as f:
        rows = list(csv.reader(f))
    return rows[0], [r for r in rows[1:] if r]


def number_columns(truth, width):
    """Columns whose true values are all numbers, and not codes with leading zeros."""
    out = []
    for c in range(width):
        cells = [r[c].strip() for r in truth if r[c].strip().lower() not in MISSING]
        codes = any(len(v) > 1 and v[0] == "0" and v[1].isdigit() for v in cells)
        out.append(bool(cells) and not codes and all(NUMBER.match(v) for v in cells))
    return out


def units(rows, width, numbers):
    """What is glued to the numbers of a column often enough to be a unit."""
    out = []
    for c in range(width):
        seen = {}
        for r in rows if numbers[c] else []:
            m = LEADING.match(r[c].replace(",", ""))
            if m and m.group(2):
                seen[m.group(2).strip().lower()] = seen.get(m.group(2).strip().lower(), 0) + 1
        out.append({u for u, n in seen.items() if n >= max(5, 0.01 * len(rows))})
    return out


def value(text, is_number, units=()):
    """A cell as a value of its column: None, a number or a text."""
    text = "" if text is None else text.strip()
    if text.lower() in MISSING:
        return None
    if is_number:
        m = LEADING.match(text.replace(",", ""))
        if m and (not m.group(2) or m.group(2).strip().lower() in units):
            return float(f"{float(m.group(1)):.9g}")
    return text


def same(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    return a == b


def run(tidemill, arguments, directory=None):
    command = [tidemill] + (["-C", directory] if directory else []) + arguments
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with code {done.returncode}:\n{done.stderr}{done.stdout}")
    return done.stdout


def clean_table(tidemill, directory, wanted):
    sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'clean'"
    names = [r["table_name"] for r in csv.DictReader(run(tidemill, ["query", sql, "--format", "csv"], directory).splitlines())]
    if wanted:
        return wanted
    if len(names) != 1:
        sys.exit(f"name one of the clean tables with --table: {', '.join(names) or 'there is none'}")
    return names[0]


def repaired(tidemill, directory, table, rows, width):
    """The clean table's cells by row of the dirty one; rows that are not in it are None."""
    out = [None] * len(rows)
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "clean.csv")
        text = run(tidemill, ["query", f'SELECT * FROM clean."{table}"', "--format", "csv", "--limit", "0"], directory)
        with open(path, "w", encoding="utf-8", newline="") as f:
            f.write(text)
        header, got = read(path)
    order = row_of(tidemill, directory, table, rows, header, got)
    for cells, row in zip(got, order):
        if row is not None:
            if len(cells) < width:
                sys.exit(f"the clean table has {len(cells)} columns, and the dirty one {width}")
            out[row] = cells[:width]
    return out


def row_of(tidemill, directory, table, rows, header, got):
    """Which row of the dirty table each row of the clean one is: by a first column that numbers the rows, or else in order."""
    first = [r[0] for r in rows]
    if len(set(first)) == len(first):
        place = {value(v, True): i for i, v in enumerate(first)}
        return [place.get(value(g[0], True)) for g in got]
    if len(got) == len(rows):
        return list(range(len(got)))
    sys.exit("rows were set aside, and no first column numbers the rows: they can't be told apart")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dirty")
    parser.add_argument("clean")
    parser.add_argument("--tidemill", default=os.environ.get("TIDEMILL", "tidemill"), help="the program")
    parser.add_argument("--project", help="a project directory that is there already; without it one is made by `init --from`")
    parser.add_argument("--table", help="the clean table, if the project has several")
    parser.add_argument("--show", type=int, default=20, help="wrong repairs and missed errors to show")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    args = parser.parse_args()
    _, dirty = read(args.dirty)
    names, truth = read(args.clean)
    if len(dirty) != len(truth) or any(len(a) != len(b) for a, b in zip(dirty, truth)):
        sys.exit("the two files don't have the same rows and columns")
    directory = args.project
    with tempfile.TemporaryDirectory() as scratch:
        if directory is None:
            directory = os.path.join(scratch, "project")
            run(args.tidemill, ["init", directory, "--from", os.path.abspath(args.dirty)])
        run(args.tidemill, ["run"], directory)
        table = clean_table(args.tidemill, directory, args.table)
        after = repaired(args.tidemill, directory, table, dirty, len(names))
    result = score(names, dirty, truth, after)
    if args.json:
        print(json.dumps({k: v for k, v in result.items() if not isinstance(v, list)}))
        return
    strict = score(names, dirty, truth, after, glued_counts=True)
    print(f"{result['errors']} erroneous cells, {result['changed']} changed, {result['right']} of them correctly; {result['aside']} rows set aside")
    print(f"precision {result['precision']:.4f}   recall {result['recall']:.4f}   F1 {result['f1']:.4f}")
    if strict["errors"] != result["errors"]:
        print(f"with units as errors: {strict['errors']} erroneous cells, precision {strict['precision']:.4f}   recall {strict['recall']:.4f}   F1 {strict['f1']:.4f}")
    for title, what in (("wrong repairs", "wrong"), ("errors that stayed", "missed")):
        items = result[what]
        if items:
            print(f"{len(items)} {title}:")
            for row, column, before, now, should in items[: args.show]:
                print(f"  row {row + 1} {column}: {before!r} became {now!r}, the truth is {should!r}" if what == "wrong" else f"  row {row + 1} {column}: {before!r}, the truth is {should!r}")


def score(names, dirty, truth, after, glued_counts=False):
    numbers = number_columns(truth, len(names))
    known = [()] * len(names) if glued_counts else units(dirty, len(names), numbers)
    errors = changed = right = aside = 0
    wrong, missed = [], []
    for i, (d, t) in enumerate(zip(dirty, truth)):
        a = after[i]
        aside += a is None
        for c, name in enumerate(names):
            before, should = value(d[c], numbers[c], known[c]), value(t[c], numbers[c])
            now = value(a[c] if a else d[c], numbers[c], known[c])
            error = not same(before, should)
            change = not same(before, now)
            ok = same(now, should)
            errors += error
            changed += change
            right += error and change and ok
            if change and not ok:
                wrong.append((i, name, d[c], a[c] if a else None, t[c]))
            elif error and not ok:
                missed.append((i, name, d[c], d[c], t[c]))
    precision = right / changed if changed else 1.0
    recall = right / errors if errors else 1.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"errors": errors, "changed": changed, "right": right, "aside": aside, "precision": precision, "recall": recall, "f1": f1, "wrong": wrong, "missed": missed}


if __name__ == "__main__":
    main()
