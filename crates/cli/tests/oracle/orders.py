"""The orders project against the truth that `generate orders --truth` wrote: orders.py PROJECT TRUTH

What can be known is what the rows hold between them: ids, quantity times price, a customer's other orders. There the clean table must be the truth, and
nowhere may a cell that was right be another one now. Needs deltalake, duckdb, pandas, pyarrow.
"""

import csv
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from deltalake import DeltaTable

COLUMNS = {
    "customer:CustomerID": "customer_id", "customer:Name": "customer_name", "customer:Age": "age", "customer:Country": "country",
    "customer:RegistrationDate": "registration_date", "order:OrderDate": "order_date", "order:Quantity": "quantity", "order:TotalAmount": "total_amount",
    "product:ProductID": "product_id", "product:ProductName": "product_name", "product:Category": "category", "product:Price": "price",
    "shipment:ShippingAddress": "shipping_address", "shipment:ShippingDate": "shipping_date", "row_key": "row_key",
}
# Of cells of this kind, at least this share is right afterwards; what a column lacks here, nothing in the table tells.
MENDED = {
    ("country", "typo"): 0.99, ("category", "typo"): 0.99, ("product_name", "typo"): 0.75,
    ("country", "missing"): 0.8, ("category", "missing"): 0.95, ("customer_name", "missing"): 0.8, ("product_name", "missing"): 0.9,
    ("age", "missing"): 0.8, ("age", "invalid"): 0.8, ("registration_date", "missing"): 0.8, ("registration_date", "invalid"): 0.8,
    ("order_date", "missing"): 0.8, ("order_date", "invalid"): 0.8,
    ("quantity", "missing"): 0.98, ("quantity", "invalid"): 0.98, ("price", "missing"): 0.95, ("price", "invalid"): 0.95,
    ("total_amount", "missing"): 0.95, ("total_amount", "invalid"): 0.95,
}
failures = []


def expect(good, what):
    if not good:
        failures.append(what)


def text(value):
    return None if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)) else str(value)


def main():
    project, truth = Path(sys.argv[1]), Path(sys.argv[2])
    table = DeltaTable(str(project / "lake/clean/orders")).to_pyarrow_table()
    clean = table.to_pylist()
    with (truth / "orders.csv").open() as f:
        right = {r["row_key"]: r for r in csv.DictReader(f)}
    errors, lost, resent = {}, set(), set()
    with (truth / "errors.csv").open() as f:
        for e in csv.DictReader(f):
            if e["kind"] == "corrupt":
                lost.add(e["row_key"])
            elif e["kind"] == "resent":
                resent.add(e["row_key"])
            elif e["column"] != "*":
                errors[e["row_key"], COLUMNS[e["column"]]] = e["kind"]

    keys = [r["row_key"] for r in clean]
    expect(len(keys) == len(set(keys)), "an order is there twice")
    expect(set(keys) == set(right) - (lost - resent), "the orders are not those whose lines could be read")

    counted, same = Counter(), Counter()
    for row in clean:
        wanted = right[row["row_key"]]
        for source, column in COLUMNS.items():
            kind = errors.get((row["row_key"], column), "none")
            counted[column, kind] += 1
            is_same = text(row[column]) == wanted[source]
            same[column, kind] += is_same
            expect(is_same or kind != "none", f"{row['row_key']}.{column} was right ({wanted[source]}) and is {row[column]}")
            expect(is_same or kind != "format", f"{row['row_key']}.{column} is {row[column]} instead of {wanted[source]}: another notation, not another value")
            if column in ("country", "category"):
                expect(is_same or row[column] == "Unknown", f"{row['row_key']}.{column} is {row[column]} instead of {wanted[source]}")
    for (column, kind), share in MENDED.items():
        n, good = counted[column, kind], same[column, kind]
        expect(n > 0, f"no {kind} in {column}: the test tests nothing")
        expect(good >= share * n, f"{column}: {good} of {n} cells with the error {kind} are right, less than {share:.0%}")
        print(f"{column:18} {kind:8} {good:6} of {n:6} right")
    for column in ("shipping_address", "shipping_date"):
        kinds = [errors.get((r["row_key"], column), "none") for r in clean]
        expect(all((r[column] is None) == (k in ("missing", "invalid")) for r, k in zip(clean, kinds)), f"{column}: what nothing tells is left empty")

    features(pd.DataFrame(clean))
    exported = pq.read_table(project / "out/orders.parquet").to_pandas().sort_values("row_key", ignore_index=True)
    stored = table.to_pandas().sort_values("row_key", ignore_index=True)
    expect(exported.equals(stored[exported.columns]), "the exported Parquet file is not the clean table")
    for failure in failures[:20]:
        print(f"FAILED {failure}")
    print(f"{len(clean)} orders, {sum(counted.values())} cells, {len(failures)} failures")
    sys.exit(1 if failures else 0)


def features(t):
    """Worked out again from the clean columns."""
    groups = np.select([t.age < 30, t.age < 60], ["Young", "Middle-aged"], "Senior")
    expect((t.age_group == groups).all(), "age_group")
    amount = t.total_amount.astype(float)
    expect(np.allclose(amount, t.quantity * t.price.astype(float), rtol=0, atol=1e-9), "the total is not quantity times price")
    expect(np.allclose(t.total_amount_minmax, (amount - amount.min()) / (amount.max() - amount.min()), rtol=1e-9, atol=1e-12), "total_amount_minmax")
    expect(np.allclose(t.total_amount_z, (amount - amount.mean()) / amount.std(), rtol=1e-9, atol=1e-9), "total_amount_z")
    day = pd.to_datetime(t.order_date)
    expect((t.order_month == day.dt.strftime("%Y-%m")).all(), "order_month")
    for part, wanted in (("year", day.dt.year), ("month", day.dt.month), ("weekday", day.dt.day_of_week + 1)):
        expect((t[f"order_date_{part}"] == wanted).all(), f"order_date_{part}")
    for days, later, earlier in (("shipping_days", t.shipping_date, t.order_date), ("tenure_days", t.order_date, t.registration_date)):
        wanted = (pd.to_datetime(later) - pd.to_datetime(earlier)).dt.days
        expect(np.allclose(t[days].astype(float), wanted.astype(float), equal_nan=True), days)
    required = [c for c in t.columns if c not in ("registration_date", "shipping_address", "shipping_date", "shipping_days", "tenure_days")]
    expect(not t[required].isna().any().any(), "cells are missing that should not be")


if __name__ == "__main__":
    main()
