#!/usr/bin/env bash
# projects/orders, in bulk and as a stream: files of BULK megabytes, then a topic of STREAM megabytes, into the same table.
#
#   bench/live/orders.sh [BULK_MB] [STREAM_MB]        default 800 and 1200
#
# One file of orders is cut in two: the first part is loaded by `run`, the second one sent to `customer_orders` as JSON (STREAM counts bytes of messages), the last
# tenth of the first part again with it, as a source that sends what was loaded already. Then `run --env stream` takes the topic in. Told are rows a second and
# the most memory of each, and the table's row_keys are compared with those that Python reads from the same lines: each has to be there once.
#
# TIDEMILL is the binary (a release build), WORK a directory for everything (default ./orders.work, removed unless KEEP is set).
set -euo pipefail
bulk="${1:-800}" stream="${2:-1200}"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$here/../.."
tidemill="${TIDEMILL:-$root/target/release/tidemill}"
[ -x "$tidemill" ] || { echo "no tidemill: cargo build --release, or set TIDEMILL" >&2; exit 2; }
work="$(realpath -m "${WORK:-$PWD/orders.work}")"
mkdir -p "$work"
trap '"$root/services/kafka.sh" stop --dir "$work/kafka" --now >/dev/null 2>&1; [ -n "${KEEP:-}" ] || rm -rf "$work"' EXIT
eval "$("$root/services/kafka.sh" start --dir "$work/kafka" --while $$ | grep '^KAFKA_')"
export KAFKA_BROKERS="$KAFKA_BOOTSTRAP" TIDEMILL_KAFKA_BROKERS="$KAFKA_BOOTSTRAP"
project="$work/orders"
rm -rf "$project" "$work/made" && mkdir -p "$work/made" && cp -r "$root/projects/orders" "$project"
rm -rf "$project/data" "$project/lake" && mkdir "$project/data"
timed() { # NAME COMMAND…: seconds and the most memory, in $work/NAME.time
    local name="$1"; shift
    /usr/bin/time -f '%e %M' -o "$work/$name.time" "$@" >"$work/$name.out" 2>"$work/$name.err" || { cat "$work/$name.err"; exit 1; }
}

# A line is about 174 bytes, the same as a message 495.
rows_bulk=$((bulk * 1000000 / 174))
rows_stream=$((stream * 1000000 / 495 - rows_bulk / 10))
[ "$rows_stream" -gt 0 ] || { echo "the topic must hold more than a tenth of the files' orders" >&2; exit 2; }
"$tidemill" generate orders --rows "$((rows_bulk + rows_stream))" --seed 4 --out "$work/made" --quiet
python3 - "$work/made/orders.csv" "$project/data/orders.csv" "$work/made/streamed.csv" "$rows_bulk" <<'P'
import sys
whole, first, second, rows = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
again = rows - rows // 10
with open(whole, "rb") as lines, open(first, "wb") as bulk, open(second, "wb") as stream:
    header = next(lines)
    bulk.write(header)
    stream.write(header)
    for n, line in enumerate(lines):
        if n < rows:
            bulk.write(line)
        if n >= again:
            stream.write(line)
P
timed bulk "$tidemill" -C "$project" run --quiet
"$tidemill" topics create customer_orders --partitions 4 >/dev/null
timed produce "$tidemill" topics produce customer_orders --from "$work/made/streamed.csv" --key row_key --format json
timed stream "$tidemill" -C "$project" --env stream run --quiet
"$tidemill" -C "$project" --env stream query --format csv 'SELECT row_key FROM orders' >"$work/keys"
"$tidemill" -C "$project" --env stream audit --format json >"$work/audit.json"
messages=$("$tidemill" topics describe customer_orders --format json | python3 -c 'import json, sys; t = json.load(sys.stdin); print(sum(p["messages"] for p in t["partitions"]))')
python3 - "$work" "$project/data/orders.csv" "$work/made/streamed.csv" "$messages" <<'P'
import csv, json, re, sys
from pathlib import Path
work, bulk, stream, messages = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
key, customer, product = (re.compile(p) for p in (r"R\d{10}", r"C\d{9}", r"P\d{9}"))
csv.field_size_limit(1 << 30)

def lines(path):
    """Keys of the lines that are whole."""
    rows = 0
    with open(path, newline="", encoding="utf-8") as file:
        next(file)
        for line in file:
            rows += 1
            if line.count('"') % 2:  # a quote that nothing closes
                continue
            r = next(csv.reader([line]))
            if len(r) == 15 and key.fullmatch(r[14].strip()) and customer.fullmatch(r[0].strip()) and product.fullmatch(r[8].strip()):
                keys.add(r[14].strip())
    return rows

keys = set()
loaded = lines(bulk)
in_files = len(keys)
lines(stream)
stored = (work / "keys").read_text().split()[1:]
def told(name, rows):
    seconds, memory = (work / f"{name}.time").read_text().split()
    return f"{rows:,} rows in {float(seconds):.1f} s, {rows / float(seconds):,.0f} rows/s, {int(memory) // 1024} MB"
print(f"files, {Path(bulk).stat().st_size / 1e6:,.0f} MB (read, cleaned, views and exports): {told('bulk', loaded)}")
print(f"topic (sent): {told('produce', messages)}")
print(f"topic (raw, clean, views and exports): {told('stream', messages)}")
audit = json.loads((work / "audit.json").read_text())
if len(stored) != len(set(stored)) or set(stored) != keys:
    missing, more = keys - set(stored), set(stored) - keys
    sys.exit(f"{len(stored):,} rows, {len(set(stored)):,} keys, {len(keys):,} expected; missing {len(missing)}: {sorted(missing)[:5]}, too many {len(more)}: {sorted(more)[:5]}")
if not audit["balanced"]:
    sys.exit(f"the ledger doesn't balance: {json.dumps(audit)[:500]}")
print(f"every row_key of both is there once: {in_files:,} of the files and {len(keys) - in_files:,} that only the topic had; the ledger balances")
P
