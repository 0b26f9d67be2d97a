"""The same work with pandas, written with care: whole columns at a time, typos and days worked out once per distinct text.

    python pandas_clean.py ORDERS.csv REFERENCE_DIR OUT_DIR

A quote that nothing closes would swallow the lines after it, without a word. So lines are looked at on their way in, and those that are no record are set
aside.
"""
import csv
import io
import json
import sys
from pathlib import Path

import pandas as pd

try:
    from rapidfuzz.distance import Levenshtein
except ImportError:         # slower without it, and the same
    Levenshtein = None

COLUMNS = ["customer_id", "name", "age", "country", "registration_date", "order_date", "quantity", "total_amount", "product_id", "product_name", "category",
           "price", "shipping_address", "shipping_date", "row_key"]
MISSING = ["", "N/A", "NULL", "-", "unknown", "?", "nan", "n/a"]
DAYS = ["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%b %d, %Y", "%d %b %Y", "%Y/%m/%d"]


def main():
    orders, reference, out = map(Path, sys.argv[1:4])
    lines = Records(orders)
    progress(out, "reading the file")
    df = pd.read_csv(lines, header=0, names=COLUMNS, dtype="str", keep_default_na=False, na_values=MISSING, encoding="utf-8")
    rows_in = lines.number - 1

    progress(out, "checking values")
    bad = df["customer_id"].isna() | df["product_id"].isna() | df["row_key"].isna()
    for column in ("age", "quantity"):
        text = df[column].str.strip()
        fits = text.str.fullmatch(r"-?\d+(\.0+)?")
        bad |= text.notna() & ~fits.fillna(False).astype(bool)
        df[column] = pd.to_numeric(text.where(fits.fillna(False).astype(bool)))
    for column in ("total_amount", "price"):
        text = df[column].str.replace(r"^\s*[$€]|\s*(?:EUR|€)\s*$", "", regex=True).str.strip()
        fits = text.str.fullmatch(r"-?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?").fillna(False).astype(bool)
        bad |= text.notna() & ~fits
        df[column] = pd.to_numeric(text.where(fits).str.replace(",", ""))
    quarantined = lines.rejected + int(bad.sum())
    df[bad].to_csv(out / "rejected.csv", index=False)
    df = df[~bad].drop_duplicates("row_key", keep="first")

    progress(out, "repairing and typing")
    df["name"] = df["name"].fillna("Unknown")
    for column, file in (("country", "countries"), ("category", "categories")):
        right = (reference / f"{file}.txt").read_text().splitlines()
        key = df[column].str.strip().str.lower()
        df[column] = key.map({text: nearest(text, right) for text in key.dropna().unique()}).fillna("Unknown")
    for column in ("registration_date", "order_date", "shipping_date"):
        texts = pd.Series(df[column].dropna().unique())
        days = pd.to_datetime(texts.str.strip(), format=DAYS[0], errors="coerce")
        for notation in DAYS[1:]:
            rest = days.isna()
            days[rest] = pd.to_datetime(texts[rest].str.strip(), format=notation, errors="coerce")
        df[column] = df[column].map(dict(zip(texts, days))).astype("datetime64[s]")
    df["age"] = df["age"].where(df["age"].between(0, 120))
    quantity = df["quantity"].abs()
    df["quantity"] = quantity.where(quantity.between(1, 1000)).fillna(1).astype("int32")
    df["price"] = df["price"].where(df["price"] >= 0)
    df["total_amount"] = df["total_amount"].where(df["total_amount"] >= 0).fillna((df["quantity"] * df["price"]).round(2))

    df["age"] = df["age"].fillna(df["age"].median() // 1).astype("int32")
    df["age_group"] = pd.cut(df["age"], [-1, 29, 59, 999], labels=["Young", "Middle-aged", "Senior"]).astype("str")
    df["order_month"] = df["order_date"].dt.strftime("%Y-%m")
    progress(out, "writing")
    df.to_parquet(out / "orders.parquet", index=False, compression="zstd")
    sales = df.groupby(["order_month", "category"], as_index=False).agg(
        orders=("row_key", "size"), pieces=("quantity", "sum"), sales=("total_amount", "sum"))
    sales.to_parquet(out / "monthly_sales.parquet", index=False)
    (out / "report.json").write_text(json.dumps({"rows_in": rows_in, "quarantined": quarantined, "rows_out": len(df)}))


def progress(out, stage):
    """How far it has come, for whoever has to stop it."""
    (out / "progress.json").write_text(json.dumps({"stage": stage}))


class Records(io.RawIOBase):
    """The lines of a file that are records, as a file; the others are counted."""

    def __init__(self, path):
        self.lines, self.number, self.rejected, self.rest = open(path, "rb"), 0, 0, b""

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self.rest:
            block, size = [], 0
            for line in self.lines:
                self.number += 1
                if self.is_record(line):
                    block.append(line)
                    size += len(line)
                    if size >= 1 << 20:
                        break
                else:
                    self.rejected += 1
            self.rest = b"".join(block)
        taken = self.rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self.rest = self.rest[len(taken):]
        return len(taken)

    @staticmethod
    def is_record(line):
        if b'"' not in line:
            return line.count(b",") == len(COLUMNS) - 1
        try:
            return len(next(csv.reader([line.decode().rstrip("\r\n")], strict=True))) == len(COLUMNS)
        except csv.Error:
            return False


def nearest(text, right):
    """The nearest of the right spellings within two edits, the alphabetically first of those that are as near; none when there is none."""
    near = [(d, name) for name in right if abs(len(name) - len(text)) <= 2 for d in [distance(text, name.lower())] if d <= 2]
    return min(near)[1] if near else None


def distance(a, b):
    """Levenshtein's; what is above 2 need not be exact."""
    if Levenshtein:
        return Levenshtein.distance(a, b, score_cutoff=2)
    above = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y)))
        above = row
    return above[-1]


main()
