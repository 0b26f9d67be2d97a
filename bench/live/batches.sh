#!/usr/bin/env bash
# Batches of Arrow, from memory, into windows and groups of live views: rows a second of one core, and how long a batch takes.
#
#   bench/live/batches.sh [ROWS] [BATCH]        default 10000000 readings of sensors (seed 11, one week), in batches of 1000
#
# TIDEMILL is the binary (a release build), WORK a directory for everything (default ./batches.work, removed unless KEEP is set).
set -euo pipefail
rows="${1:-10000000}" batch="${2:-1000}"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
tidemill="${TIDEMILL:-$here/../../target/release/tidemill}"
[ -x "$tidemill" ] || { echo "no tidemill: cargo build --release, or set TIDEMILL" >&2; exit 2; }
work="$(realpath -m "${WORK:-$PWD/batches.work}")"
mkdir -p "$work"
trap '[ -n "${KEEP:-}" ] || rm -rf "$work"' EXIT
rm -rf "$work/project" && cp -r "$here/batches" "$work/project"
"$tidemill" generate sensors --rows "$rows" --days 7 --seed 11 --errors none --as parquet --out "$work/project/data" --quiet
# The views are not built: what is measured goes through them anew.
"$tidemill" -C "$work/project" run --quiet -s 'raw.*' -s 'clean.*'
"$tidemill" -C "$work/project" bench live --batch "$batch" --rows "$rows" --rate 10000 --seconds 2 --json "$work/batches.json"
