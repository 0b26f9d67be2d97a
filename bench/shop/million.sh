#!/usr/bin/env bash
# The shop at a million customers, products and orders: generated, run, asked again, and each view compared with DuckDB.
#
#   bench/shop/million.sh [TIDEMILL] [ROWS] [DIRECTORY]      a release binary; 1000000; a temporary directory
#
# Prints seconds and peak memory of each step, the slowest views, and the comparison. About 4 GB of disk for a million.
# TIDEMILL_PYTHON names a Python with what .ci/requirements.txt lists; KEEP=1 leaves the directory.
set -euo pipefail
cd "$(dirname "$0")/../.."

tidemill="$(realpath "$(command -v "${1:-tidemill}")")"
rows="${2:-1000000}"
work="${3:-$(mktemp -d)}"
python="${TIDEMILL_PYTHON:-python3}"
[ "${KEEP:-}" = 1 ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work/shop"
tar -C projects/shop --exclude=./data --exclude=./lake --exclude=./out --exclude=./truth -cf - . | tar -C "$work/shop" -xf -

"$tidemill" --version
"$tidemill" generate shop --rows "$rows" --start 2023-01-01 --days 731 --force --out "$work/shop/data"
"$tidemill" -C "$work/shop" run
"$tidemill" -C "$work/shop" run -q
"$tidemill" -C "$work/shop" audit
"$tidemill" -C "$work/shop" query "
    SELECT run_id, status, extract(epoch FROM ended_at - started_at) AS seconds, cpu_seconds, peak_memory_bytes / 1000000 AS peak_mb
    FROM system.runs ORDER BY run_id;
    SELECT node, stage, extract(epoch FROM ended_at - started_at) AS seconds, rows_read, rows_written, bytes_spilled / 1000000 AS spilled_mb
    FROM system.steps WHERE stage <> 'commit' AND status = 'succeeded' ORDER BY seconds DESC LIMIT 25"
du -sh "$work/shop/data" "$work/shop/lake"
"$python" bench/oracle/views.py "$work/shop" --tidemill "$tidemill" --self-check
