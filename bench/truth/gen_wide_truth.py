#!/usr/bin/env python3
"""Writes the truth of gen_wide.py's data in the form that `tidemill score` reads.

    bench/truth/gen_wide_truth.py DATA OUT      # DATA: wide.csv, truth.parquet, errors.parquet, meta.json

Which line is a row and which a copy is told by the keys: rows come in order, copies after their row; a damaged line that lost its key
is the row whose turn it is. Of several errors in one cell the last one counts, which is the one that can be seen.

    null, junk              missing      nothing, or a word for nothing
    typo, case_space        typo
    invalid, negative       invalid
    bad_date                invalid      no date
    before_order            invalid      shipped before it was ordered; if the order's own date is missing or no date, no rule can tell:
                            hidden
    date_format, space      format
    short, long, bad_number corrupt
    exact_dup, key_dup      duplicate, near_duplicate (the same key with other values)
    retry                   resent
"""

import csv
import json
import sys
from pathlib import Path

import pyarrow.parquet as pq

LABELS = {
    "customer_id": ("customer:CustomerID", "text"), "name": ("customer:Name", "text"), "age": ("customer:Age", "int"),
    "country": ("customer:Country", "text"), "registration_date": ("customer:RegistrationDate", "date"),
    "order_date": ("order:OrderDate", "date"), "quantity": ("order:Quantity", "int"),
    "total_amount": ("order:TotalAmount", "decimal(18, 2)"), "product_id": ("product:ProductID", "text"),
    "category": ("product:Category", "text"), "price": ("product:Price", "decimal(18, 2)"),
    "shipping_date": ("shipment:ShippingDate", "date"), "row_key": ("row_key", "text"),
}
# The order in which gen_wide.py damages cells: later ones hide earlier ones.
KINDS = {
    "invalid": "invalid", "negative": "invalid", "typo": "typo", "case_space": "typo", "junk": "missing", "space": "format",
    "before_order": "invalid", "bad_date": "invalid", "date_format": "format", "null": "missing",
}
RANK = {kind: at for at, kind in enumerate(KINDS)}


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    truth = pq.ParquetFile(data / "truth.parquet")
    columns = [c for c in LABELS if c in truth.schema_arrow.names]
    header = next(csv.reader(open(data / "wide.csv", encoding="utf-8", newline="")))
    place = {c: header.index(LABELS[c][0]) for c in columns}

    cells, whole = {}, {}
    for batch in pq.ParquetFile(data / "errors.parquet").iter_batches():
        for key, column, kind in zip(*(batch.column(c).to_pylist() for c in ("row_key", "column", "kind"))):
            if column == "*":
                whole.setdefault(key, set()).add(kind)
            elif column in columns:
                cells.setdefault(key, {}).setdefault(column, set()).add(kind)

    keys, right = [], {}
    with open(out / "wide.csv", "w", encoding="utf-8", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow([LABELS[c][0] for c in columns])
        for batch in truth.iter_batches(columns=columns):
            for row in zip(*(batch.column(c).to_pylist() for c in columns)):
                texts = [f"{v:.2f}" if isinstance(v, float) else str(v) for v in row]
                w.writerow(texts)
                key = row[columns.index("row_key")]
                keys.append(key)
                if key in cells:
                    right[key] = dict(zip(columns, texts))

    counts, lines, turn, first = {}, 0, 0, {}
    with open(data / "wide.csv", encoding="utf-8", newline="") as f, open(out / "errors.csv", "w", encoding="utf-8", newline="") as g:
        w = csv.writer(g, lineterminator="\n")
        w.writerow(["table", "row_key", "file", "line", "column", "kind", "right", "wrong"])

        def error(key, line, column, kind, rightly="", wrongly=""):
            counts.setdefault(column, {}).setdefault(kind, 0)
            counts[column][kind] += 1
            w.writerow(["wide", key, "wide.csv", line, column, kind, rightly, wrongly])

        next(f)
        for line, text in enumerate(f, 2):
            lines += 1
            text = text.rstrip("\n")
            fields = next(csv.reader([text]))
            key = next((v for v in reversed(fields) if len(v) == 11 and v[0] == "R" and v[1:].isdigit()), None)
            expected = keys[turn] if turn < len(keys) else None
            if key is None or key == expected:
                key, turn = expected, turn + 1
                broken = whole.get(key, set()) & {"short", "long", "bad_number"}
                if broken:
                    error(key, line, "*", "corrupt", "", text)
                    # What comes again has the errors that the line would have had; errors in cells stand at a row's first line.
                    if "retry" not in whole[key]:
                        continue
                first[key] = text if whole.get(key) else None
                found = {c: max(kinds, key=RANK.get) for c, kinds in cells.get(key, {}).items()}
                seen = {c: KINDS[k] for c, k in found.items()}
                if found.get("shipping_date") == "date_format" and "before_order" in cells[key]["shipping_date"]:
                    seen["shipping_date"] = "invalid"
                if "before_order" in cells.get(key, {}).get("shipping_date", ()) and seen["shipping_date"] == "invalid":
                    if found["shipping_date"] != "bad_date" and found.get("order_date") in ("null", "bad_date"):
                        seen["shipping_date"] = "hidden"
                for column, kind in seen.items():
                    wrong = fields[place[column]] if place[column] < len(fields) else ""
                    error(key, line, LABELS[column][0], kind, right[key][column], wrong)
            elif "retry" in whole.get(key, ()):
                error(key, line, "*", "resent")
            else:
                error(key, line, "*", "duplicate" if text == first[key] else "near_duplicate")
    if turn != len(keys):
        sys.exit(f"{turn} of {len(keys)} rows were found in wide.csv")
    manifest = {
        "format": 1, "kind": "wide", "errors": "errors.csv", "file_format": "csv", "compression": "",
        "seed": json.loads((data / "meta.json").read_text()).get("seed"),
        "tables": [{
            "name": "wide", "key": ["row_key"], "labels": False, "rows": len(keys), "lines": lines, "files": ["wide.csv"], "errors": counts,
            "columns": [{"name": LABELS[c][0], "type": LABELS[c][1]} for c in columns],
        }],
    }
    (out / "truth.json").write_text(json.dumps(manifest, indent=2) + "\n")


main()
