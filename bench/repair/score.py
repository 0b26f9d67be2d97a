#!/usr/bin/env python3
"""Scores the repair of a dirty table against the truth.

    bench/repair/score.py dirty.csv clean.csv                    # tidemill init --from dirty.csv, then tidemill run
    bench/repair/score.py dirty.csv clean.csv --project DIR      # a project that is there: only its `run`

The two files have the same columns in the same order (names may differ) and the same rows in the same order.

A cell is compared as a value of its column, not as text: the dirty table and the truth are read once more under the
project's own reading rules (types, formats, units, null tokens) without its cleaning rules, so that 12, 12.0 and
`12.0 oz` are one value, and so are 04-09-2012 and 2012-09-04 where the project reads the column as dates.

    erroneous  cells of the dirty table whose value is not the truth's
    changed    cells whose value after the run is not the one before it
    precision  correctly changed / changed
    recall     correctly changed / erroneous

What only reading does is neither an error nor a change. A second line of figures counts what reading does too, cell by
cell of the files: errors that a unit, a format or a null token makes are errors there, and read away is repaired. A row
that was set aside keeps what it had: its errors are unrepaired.
"""

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile

NUMBER = re.compile(r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$")


def read(path):
    with open(path, encoding="utf-8-sig", newline="") as f:
        rows = list(csv.reader(f))
    return rows[0], [r for r in rows[1:] if r]


def value(text):
    """A cell as a number where it is one; None for nothing."""
    text = "" if text is None else text.strip()
    if not text:
        return None
    return float(f"{float(text):.9g}") if NUMBER.match(text) and not re.match(r"[+-]?0\d", text) else text


def same(a, b):
    return value(a) == value(b)


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


def as_read(tidemill, directory, source, rows, header, width, scratch):
    """The rows as the project reads them: a copy of it without cleaning rules, views and exports, over these rows."""
    copy = os.path.join(scratch, f"read-{source}")
    os.makedirs(os.path.join(copy, "tables"))
    data = os.path.join(copy, f"{source}.csv")
    with open(data, "w", encoding="utf-8", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows([header] + rows)
    with open(os.path.join(directory, "tidemill.toml"), encoding="utf-8") as f, open(os.path.join(copy, "tidemill.toml"), "w", encoding="utf-8") as g:
        g.write(f.read())
    names = [n for n in os.listdir(os.path.join(directory, "tables")) if n.endswith(".toml")]
    for name in names:
        kept, skip = [], False
        with open(os.path.join(directory, "tables", name), encoding="utf-8") as f:
            for line in f:
                if re.match(r"\s*\[", line):
                    skip = line.strip().startswith("[[clean]]")
                if not skip:
                    kept.append(line)
        text = re.sub(r'(?m)^(\s*path\s*=\s*).*$', lambda m: m.group(1) + json.dumps(data), "".join(kept))
        with open(os.path.join(copy, "tables", name), "w", encoding="utf-8") as f:
            f.write(text)
    run(tidemill, ["run"], copy)
    return repaired(tidemill, copy, clean_table(tidemill, copy, None), rows, width)


def row_of(tidemill, directory, table, rows, header, got):
    """Which row of the dirty table each row of the clean one is: by a first column that numbers the rows, or else in order."""
    first = [r[0] for r in rows]
    if len(set(first)) == len(first):
        place = {value(v): i for i, v in enumerate(first)}
        return [place.get(value(g[0])) for g in got]
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
    header, dirty = read(args.dirty)
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
        before = as_read(args.tidemill, directory, "dirty", dirty, header, len(names), scratch)
        should = as_read(args.tidemill, directory, "truth", truth, header, len(names), scratch)
    result = score(names, dirty, truth, before, after, should)
    if args.json:
        print(json.dumps({k: v for k, v in result.items() if not isinstance(v, list)}))
        return
    print(f"{result['errors']} erroneous cells, {result['changed']} changed, {result['right']} of them correctly; {result['aside']} rows set aside")
    print(f"precision {result['precision']:.4f}   recall {result['recall']:.4f}   F1 {result['f1']:.4f}")
    if result["file_errors"] != result["errors"]:
        print(f"with what reading does: {result['file_errors']} erroneous cells, precision {result['file_precision']:.4f}   recall {result['file_recall']:.4f}")
    for title, what in (("wrong repairs", "wrong"), ("errors that stayed", "missed")):
        items = result[what]
        if items:
            print(f"{len(items)} {title}:")
            for row, column, before, now, should in items[: args.show]:
                print(f"  row {row + 1} {column}: {before!r} became {now!r}, the truth is {should!r}" if what == "wrong" else f"  row {row + 1} {column}: {before!r}, the truth is {should!r}")


def score(names, dirty, truth, before, after, should):
    errors = changed = right = aside = 0
    file_errors = file_changed = file_right = 0
    wrong, missed = [], []
    # What stands in both files is read as the dirty one is: a sample of the other may have been taken for other types.
    read_as = [{d[c]: b[c] for d, b in zip(dirty, before) if b} for c in range(len(names))]
    for i, (d, t) in enumerate(zip(dirty, truth)):
        # A row that can't be read has no values; what is set aside later keeps those it had.
        b, s = before[i] or [None] * len(names), should[i] or t
        s = [read_as[c].get(t[c], s[c]) for c in range(len(names))]
        a = after[i] or b
        aside += after[i] is None
        for c, name in enumerate(names):
            error, change, ok = not same(b[c], s[c]), not same(b[c], a[c]), same(a[c], s[c])
            errors += error
            changed += change
            right += error and change and ok
            file_error = value(d[c]) != value(t[c]) and (error or not ok or d[c].strip() != a[c])
            file_errors += file_error
            file_changed += change or file_error and ok
            file_right += file_error and ok
            if change and not ok:
                wrong.append((i, name, d[c], a[c], t[c]))
            elif error and not ok:
                missed.append((i, name, d[c], d[c], t[c]))
    precision = right / changed if changed else 1.0
    recall = right / errors if errors else 1.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {
        "errors": errors, "changed": changed, "right": right, "aside": aside, "precision": precision, "recall": recall, "f1": f1,
        "file_errors": file_errors, "file_precision": file_right / file_changed if file_changed else 1.0,
        "file_recall": file_right / file_errors if file_errors else 1.0, "wrong": wrong, "missed": missed,
    }


if __name__ == "__main__":
    main()
