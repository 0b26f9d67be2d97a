"""The transactions project against the truth that `generate transactions --truth` wrote: transactions.py PROJECT TRUTH

The rows have no key. Which line of the messy file is which transaction, the list of errors says; which lines were kept, the raw table does (its copies
taken out by DuckDB); and the clean table keeps their order. Needs deltalake, duckdb, numpy, pandas, pyarrow.
"""

import csv
import sys
from collections import Counter
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from deltalake import DeltaTable

COLUMNS = {
    "CustomerID": "customer_id", "Date": "transacted_at", "Amount": "amount", "Age": "age", "Gender": "gender",
    "TransactionType": "transaction_type", "Location": "location", "Device": "device",
}
LISTS = {
    "gender": ["Female", "Male", "Other"],
    "transaction_type": ["Purchase", "Payment", "Transfer", "Withdrawal", "Deposit", "Refund"],
    "device": ["Mobile", "Desktop", "Tablet", "POS", "ATM"],
}
MENDED = {
    ("gender", "typo"): 0.99, ("transaction_type", "typo"): 0.98, ("device", "typo"): 0.95, ("location", "typo"): 0.8,
    ("gender", "missing"): 0.98, ("age", "missing"): 0.98, ("age", "invalid"): 0.98, ("age", "format"): 1.0, ("amount", "format"): 1.0,
    ("transacted_at", "format"): 1.0,
}
failures = []


def expect(good, what):
    if not good:
        failures.append(what)


def lines_of(truth, messy):
    """Line of the messy file → number of the transaction, without damaged lines; the lines that are exact copies; errors by line and column."""
    with (truth / "errors.csv").open() as f:
        errors = list(csv.DictReader(f))
    whole = {int(e["line"]): e["kind"] for e in errors if e["column"] == "*"}
    near = {int(e["line"]) for e in errors if e["kind"] == "near_duplicate"}
    number, rows, copies = 0, {}, set()
    with messy.open(newline="") as f:
        last = sum(1 for _ in f)
    keys = {int(e["line"]): int(e["row_key"]) for e in errors}
    for line in range(2, last + 1):
        kind = whole.get(line)
        if kind == "duplicate":
            copies.add(line)
        elif kind == "resent" or line in near:
            rows[line] = keys[line]
        else:
            number += 1
            if kind != "corrupt":
                rows[line] = number
    return rows, copies, near, {(int(e["line"]), COLUMNS[e["column"]]): e["kind"] for e in errors if e["column"] != "*"}


def main():
    project, truth = Path(sys.argv[1]), Path(sys.argv[2])
    rows, copies, near, errors = lines_of(truth, project / "data/transactions.csv")
    right = pd.read_csv(truth / "transactions.csv", dtype=str, keep_default_na=False).to_dict("records")

    con = duckdb.connect(config={"threads": 1})
    raw = DeltaTable(str(project / "lake/raw/transactions")).to_pyarrow_table()
    con.register("raw", raw)
    given = ", ".join(c for c in raw.column_names if not c.startswith("_"))
    kept = [r[0] for r in con.execute(f"SELECT min(_line) AS line FROM raw GROUP BY {given} ORDER BY line").fetchall()]
    there = {r[0] for r in con.execute("SELECT _line FROM raw").fetchall()}
    expect(there == set(rows) | copies, "the raw rows are not the lines that are not damaged")
    removed = there - set(kept)
    expect(copies <= removed, f"{len(copies - removed)} copies are still there")
    # Two transactions that lost their instants may be equal in everything else; nothing tells them from copies.
    by_chance = removed - copies
    instantless = {r[0] for r in con.execute("SELECT _line FROM raw WHERE transacted_at IS NULL").fetchall()}
    expect(by_chance <= instantless, "a row that is no copy was taken for one though its instant is known")
    expect(len(by_chance) <= max(2, len(there) // 2000), f"{len(by_chance)} rows were taken for copies that are none")

    table = DeltaTable(str(project / "lake/clean/transactions")).to_pyarrow_table()
    clean = table.to_pylist()
    expect(len(clean) == len(kept), f"{len(clean)} clean rows of {len(kept)} lines")
    first = {number: line for line, number in rows.items() if line not in near}
    counted, same = Counter(), Counter()
    for line, row in zip(kept, clean):
        wanted = right[rows[line] - 1]
        for source, column in COLUMNS.items():
            # What comes again a little later has the errors of the first, and bears another instant.
            kind = errors.get((first.get(rows[line]), column) if line in near else (line, column), "none")
            if line in near and column == "transacted_at":
                continue
            got = row[column].strftime("%Y-%m-%d %H:%M:%S") if column == "transacted_at" else str(row[column])
            is_same = got == wanted[source]
            counted[column, kind] += 1
            same[column, kind] += is_same
            expect(is_same or kind != "none", f"line {line}: {column} was right ({wanted[source]}) and is {got}")
            if column in LISTS:
                expect(got in LISTS[column] or got == "Unknown", f"line {line}: {column} is {got}")
    for (column, kind), share in MENDED.items():
        n, good = counted[column, kind], same[column, kind]
        expect(n > 0, f"no {kind} in {column}: the test tests nothing")
        expect(good >= share * n, f"{column}: {good} of {n} cells with the error {kind} are right, less than {share:.0%}")
        print(f"{column:18} {kind:8} {good:6} of {n:6} right")

    features(pd.DataFrame(clean))
    exported, stored = pq.read_table(project / "out/transactions.parquet").to_pandas(), table.to_pandas()
    exported, stored = (t.sort_values(list(stored.columns), ignore_index=True) for t in (exported, stored))
    expect(exported.equals(stored), "the exported Parquet file does not hold the rows of the clean table")
    for failure in failures[:20]:
        print(f"FAILED {failure}")
    print(f"{len(clean)} transactions, {sum(counted.values())} cells, {len(copies)} copies and {len(by_chance)} look-alikes removed, {len(failures)} failures")
    sys.exit(1 if failures else 0)


def near_to(a, b, what, tolerance=1e-9):
    expect(np.allclose(np.asarray(a, "float64"), np.asarray(b, "float64"), rtol=tolerance, atol=tolerance), what)


def features(t):
    """Worked out again from the clean columns."""
    at, amount = pd.to_datetime(t.transacted_at), t.amount.astype(float)
    for part, wanted in {
        "year": at.dt.year, "quarter": at.dt.quarter, "month": at.dt.month, "week": at.dt.isocalendar().week, "day": at.dt.day,
        "weekday": at.dt.day_of_week + 1, "hour": at.dt.hour,
    }.items():
        expect((t[part] == wanted).all(), part)
    expect((t.is_weekend == (at.dt.day_of_week >= 5)).all() and (t.is_night == (at.dt.hour < 6)).all(), "is_weekend, is_night")
    expect((t.age_group == np.select([t.age < 30, t.age < 60], ["Young", "Middle-aged"], "Senior")).all(), "age_group")
    expect((t.age_group_level == t.age_group.map({"Young": 0, "Middle-aged": 1, "Senior": 2})).all(), "age_group_level")
    for column, values, prefix in (("transaction_type", LISTS["transaction_type"], "is"), ("device", LISTS["device"], "on")):
        for value in values:
            expect((t[f"{prefix}_{value.lower()}"] == (t[column] == value)).all(), f"{prefix}_{value.lower()}")
    near_to(t.location_frequency, t.location.map(t.location.value_counts(normalize=True)), "location_frequency")
    near_to(t.amount_log, np.log1p(amount), "amount_log")
    for column, values in (("amount", amount), ("amount_log", t.amount_log), ("age", t.age)):
        near_to(t[f"{column}_z"], (values - values.mean()) / values.std(), f"{column}_z")
        near_to(t[f"{column}_minmax"], (values - values.min()) / (values.max() - values.min()), f"{column}_minmax")
    low, middle, high = (amount.quantile(q) for q in (0.25, 0.5, 0.75))
    near_to(t.amount_robust, (amount - middle) / (high - low), "amount_robust")
    outlier = (amount < low - 3 * (high - low)) | (amount > high + 3 * (high - low))
    expect((t.amount_outlier == outlier).all(), "amount_outlier")
    band = np.select([amount < low, amount < middle, amount < high], ["small", "middling", "large"], "very large")
    expect((t.amount_band == band).mean() > 0.999, "amount_band")
    expect(not t.isna().any().any(), "cells are missing")


if __name__ == "__main__":
    main()
