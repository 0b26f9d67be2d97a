#!/usr/bin/env bash
# Work W2 (analytics) of the peer benchmark, as an external command:
#
#   python run.py --work W2 --rows 1000000 --peers duckdb --cmd 'tidemill=bench/w2/run.sh {data} {out}'
#
# {data} holds customers.parquet, products.parquet and orders.parquet; {out} gets q*.parquet and report.json, with the seconds of two passes over the
# ten queries from disk (the lake's tables, warm) and from memory. Loading the files into tables is the phase "load", in no query's time. The binary
# is TIDEMILL, or else the release build of this checkout, or else the one on the PATH. PEER_CORES (2) is the number of threads.
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: run.sh DATA OUT" >&2; exit 2; }
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
data="$(cd "$1" && pwd)"
mkdir -p "$2"
out="$(cd "$2" && pwd)"

tidemill="${TIDEMILL:-}"
for candidate in "${CARGO_TARGET_DIR:+$CARGO_TARGET_DIR/release/tidemill}" "$here/../../target/release/tidemill" "$(command -v tidemill || true)"; do
    [ -z "$tidemill" ] && [ -n "$candidate" ] && [ -x "$candidate" ] && tidemill="$candidate"
done
[ -n "$tidemill" ] || { echo "no tidemill: cargo build --release, or set TIDEMILL" >&2; exit 2; }

mkdir "$out/project"
cp -R "$here/tidemill.toml" "$here/tables" "$here/views" "$here/exports" "$out/project/"
ln -s "$data" "$out/project/data"
export TIDEMILL__ENGINE__THREADS="${PEER_CORES:-2}"
"$tidemill" -C "$out/project" run --quiet -s 'raw.*' -s 'clean.*' --format json >"$out/load.json"
"$tidemill" -C "$out/project" run --quiet --format json >"$out/run.json"
mv "$out/project/out/"q*.parquet "$out/"
views="$(cd "$here/views" && ls q*.sql | sed 's/\.sql$//')"
# shellcheck disable=SC2086 # names of views have no blanks
"$tidemill" -C "$out/project" bench cache $views --quiet --repeat 2 --json "$out/bench.json" >/dev/null
python3 - "$out" "$("$tidemill" --version)" <<'PY'
import json, sys
from pathlib import Path
out, engine = Path(sys.argv[1]), sys.argv[2]
read = lambda name: json.loads((out / name).read_text())
questions = read("bench.json")["questions"]
passes = lambda key: [{q["name"]: round(q[key][n], 4) for q in questions} for n in range(2)]
load = read("load.json")["elapsed_seconds"]
report = {"engine": engine, "phases": {"load": load}, "disk": passes("warm_seconds"), "memory": passes("memory_seconds")}
(out / "report.json").write_text(json.dumps(report))
PY
