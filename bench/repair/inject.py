#!/usr/bin/env python3
"""Makes a dirty table with its truth from a clean one, to see how well repairs do on data nobody has looked at.

    bench/repair/inject.py clean.csv DIR --kinds typo,swap,missing --rate 0.03 --seed 1
    bench/repair/score.py DIR/dirty.csv DIR/clean.csv

Kinds: typo (a letter left out, put in, put in another's place, or two exchanged; digits by digits), swap (another value of
the column), missing, glued (a value joins its left neighbour's cell, and its own becomes empty), case, noise (one letter
stands in the place of another throughout the cell).
The first column is left alone where it numbers the rows; without one, a column `row` is put before the others.
"""

import argparse
import csv
import os
import random
import string


def typo(value, rng):
    if not value:
        return value
    at = rng.randrange(len(value))
    letter = rng.choice(string.digits if value[at].isdigit() else string.ascii_lowercase)
    kind = rng.choice(["omit", "insert", "replace", "exchange"])
    if kind == "omit":
        return value[:at] + value[at + 1 :]
    if kind == "insert":
        return value[:at] + letter + value[at:]
    if kind == "exchange" and len(value) > 1:
        at = min(at, len(value) - 2)
        return value[:at] + value[at + 1] + value[at] + value[at + 2 :]
    return value[:at] + letter + value[at + 1 :]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clean")
    parser.add_argument("directory")
    parser.add_argument("--kinds", default="typo,swap,missing")
    parser.add_argument("--rate", type=float, default=0.03, help="share of cells")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, help="only the first rows")
    parser.add_argument("--columns", help="only these columns")
    args = parser.parse_args()
    with open(args.clean, encoding="utf-8-sig", newline="") as f:
        sample = f.read(4096)
        f.seek(0)
        rows = list(csv.reader(f, csv.Sniffer().sniff(sample.splitlines()[0], delimiters=",;\t|")))
    header, rows = rows[0], [r for r in rows[1 : None if args.rows is None else args.rows + 1] if len(r) == len(rows[0])]
    if len({r[0] for r in rows}) < len(rows):
        header, rows = ["row"] + header, [[str(i + 1)] + r for i, r in enumerate(rows)]
    rng = random.Random(args.seed)
    kinds = args.kinds.split(",")
    columns = [c for c in range(1, len(header)) if not args.columns or header[c] in args.columns.split(",")]
    pools = {c: [r[c] for r in rows] for c in columns}
    dirty = [list(r) for r in rows]
    for r in dirty:
        for c in columns:
            if rng.random() >= args.rate:
                continue
            kind = rng.choice(kinds)
            if kind == "typo":
                r[c] = typo(r[c], rng)
            elif kind == "swap":
                r[c] = rng.choice(pools[c])
            elif kind == "missing":
                r[c] = ""
            elif kind == "case":
                r[c] = rng.choice([r[c].upper(), r[c].lower(), r[c].title()])
            elif kind == "noise" and r[c]:
                letter = rng.choice(r[c])
                r[c] = r[c].replace(letter, "x")
            elif kind == "glued" and c > 1 and r[c] and r[c - 1]:
                r[c - 1], r[c] = r[c - 1] + " " + r[c], ""
    os.makedirs(args.directory, exist_ok=True)
    for name, table in (("dirty.csv", dirty), ("clean.csv", rows)):
        with open(os.path.join(args.directory, name), "w", encoding="utf-8", newline="") as f:
            csv.writer(f, lineterminator="\n").writerows([header] + table)


if __name__ == "__main__":
    main()
