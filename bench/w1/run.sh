#!/usr/bin/env bash
# Work W1 (clean) of the peer benchmark, as an external command:
#
#   python run.py --work W1 --rows 1000000 --peers duckdb --cmd 'tidemill=bench/w1/run.sh {data} {out}'
#
# {data} holds wide.csv, countries.txt and categories.txt; {out} gets clean/*.parquet (zstd) and report.json. The binary is TIDEMILL, or else the release
# build of this checkout, or else the one on the PATH. PEER_CORES (2) is the number of threads, MEMORY_LIMIT (1GB) the working memory.
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

# A project of its own, so that every run begins with an empty lake and several may run at once.
mkdir "$out/project"
cp -R "$here/tidemill.toml" "$here/tables" "$out/project/"
ln -s "$data" "$out/project/data"

export TIDEMILL__ENGINE__THREADS="${PEER_CORES:-2}"
export TIDEMILL__ENGINE__MEMORY_LIMIT="${MEMORY_LIMIT:-1GB}"
"$tidemill" -C "$out/project" run --quiet --format json >"$out/run.json"

# What the runner shows beside its own measurements; the checks don't depend on it.
awk -v engine="$("$tidemill" --version)" '
    { value = $2; gsub(/[",]/, "", value) }
    /"elapsed_seconds":/ { if (work == "") work = value; else elapsed = value }
    /"rows_read":/ && value + 0 > read { read = value + 0 }
    /"rows_rejected":/ && value + 0 > rejected { rejected = value + 0 }
    /"stage":/ { phases = phases (phases == "" ? "" : ", ") "\"" value "\": " elapsed }
    END {
        printf "{\"engine\": \"%s\", \"work_s\": %s, \"phases\": {%s}, \"rows_in\": %d, \"quarantined\": %d}\n", engine, work, phases, read, rejected
    }' "$out/run.json" >"$out/report.json"
