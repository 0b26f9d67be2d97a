#!/usr/bin/env python3
"""Scores the projects on generated data that no test has seen, 5 % of each kind of error, and compares with the targets.

    bench/truth/score.py --tidemill target/release/tidemill                   # shop, orders, transactions, sensors
    bench/truth/score.py --kinds orders --rows 1000000 --seeds 9001 9002
    bench/truth/score.py --kinds wide --gen-wide ../shared/peers/gen_wide.py  # needs numpy, polars, pyarrow

The project of a kind is projects/KIND where there is one, else bench/truth/KIND; its tables only, without views and exports.
Ends with 1 if a target is missed:

    invalid, corrupt, duplicate            detected with precision and recall 1
    typos in country, city, category and   repaired with precision >= 0.995 and recall >= 0.99
    product name
"""

import argparse
import csv
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
DETECTED = ("invalid", "corrupt", "duplicate")
REPAIRED = {
    "shop": [("customers", "country"), ("customers", "city"), ("products", "category")],
    "orders": [("orders", "country"), ("orders", "category"), ("orders", "product_name")],
    "transactions": [("transactions", "location")],
    "sensors": [],
    "wide": [("wide", "country"), ("wide", "category")],
}


def run(command, quiet=True):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with code {done.returncode}:\n{done.stderr}{done.stdout}")
    return done.stdout


def project_of(kind, given, work):
    own = [Path(p) for p in given if Path(p).name == kind]
    there = own + [HERE.parent.parent / "projects" / kind, HERE / kind]
    found = next((p for p in there if (p / "tidemill.toml").exists()), None)
    if found is None:
        sys.exit(f"there is no project for {kind}")
    copy = work / "project"
    copy.mkdir(parents=True)
    shutil.copy(found / "tidemill.toml", copy)
    for part in ("tables", "functions", "reference"):
        if (found / part).exists():
            shutil.copytree(found / part, copy / part)
    return found, copy


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tidemill", default=os.environ.get("TIDEMILL", "tidemill"))
    parser.add_argument("--kinds", nargs="+", default=["shop", "orders", "transactions", "sensors"])
    parser.add_argument("--rows", default="100000")
    parser.add_argument("--seeds", nargs="+", default=["9001", "9002"])
    parser.add_argument("--errors", default="5%")
    parser.add_argument("--project", action="append", default=[], help="a project to use instead, by its directory's name")
    parser.add_argument("--gen-wide", help="gen_wide.py, for the kind wide")
    parser.add_argument("--python", default=sys.executable, help="for gen_wide.py")
    parser.add_argument("--work", help="where data and projects go (default: a temporary directory)")
    parser.add_argument("--all", action="store_true", help="every line of the scores")
    args = parser.parse_args()
    missed = 0
    print(f"{'kind':13} {'seed':>6} {'table':16} {'error':10} {'column':13} {'errors':>8} {'precision':>9} {'recall':>7}  target")
    for kind in args.kinds:
        for seed in args.seeds:
            with tempfile.TemporaryDirectory(dir=args.work) as scratch:
                missed += one(kind, seed, args, Path(scratch))
    sys.exit(1 if missed else 0)


def one(kind, seed, args, work):
    found, project = project_of(kind, args.project, work)
    data, truth = project / "data", work / "truth"
    if kind == "wide":
        if not args.gen_wide:
            sys.exit("the kind wide needs --gen-wide")
        run([args.python, args.gen_wide, "--rows", args.rows, "--seed", seed, "--out", data])
        run([args.python, HERE / "gen_wide_truth.py", data, truth])
    else:
        run([args.tidemill, "generate", kind, "--rows", args.rows, "--seed", seed, "--errors", args.errors, "--out", data, "--truth", truth])
    run([args.tidemill, "-C", project, "run"])
    began = time.monotonic()
    text = run([args.tidemill, "-C", project, "score", "--truth", truth, "--format", "csv"])
    took = time.monotonic() - began
    missed = 0
    for line in csv.DictReader(io.StringIO(text)):
        is_repair = line["kind"] == "typo" and (line["table"], line["column"]) in REPAIRED[kind]
        is_found = line["kind"] in DETECTED and not line["column"]
        if not (is_repair or is_found or args.all):
            continue
        way = "detection" if is_found else "repair"
        precision, recall = (float(line[f"{way}_{what}"]) if line[f"{way}_{what}"] else None for what in ("precision", "recall"))
        least = (1.0, 1.0) if is_found else (0.995, 0.99) if is_repair else (0.0, 0.0)
        is_met = all(value is None or value >= goal for value, goal in zip((precision, recall), least))
        missed += not is_met
        shown = [f"{int(v * 1e4) / 1e4:.4f}" if v is not None else "-" for v in (precision, recall)]
        target = "" if not (is_repair or is_found) else "met" if is_met else f"MISSED: {least[0]} / {least[1]}"
        print(f"{kind:13} {seed:>6} {line['table']:16} {line['kind']:10} {line['column'] or '*':13} {int(line['errors']):>8,} {shown[0]:>9} {shown[1]:>7}  {target}", flush=True)
    print(f"{kind:13} {seed:>6} {found.name}: scored in {took:.1f} s", flush=True)
    return missed


main()
