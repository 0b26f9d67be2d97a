#!/usr/bin/env bash
# The Nexmark queries 0 to 22, each kept current over the same events, on one core: rows/s of the streams a query reads, and how long a batch of a
# thousand rows takes; the result is read every 50 ms meanwhile.
#
#     bench/nexmark.sh [EVENTS]
#
# Events are made by `tidemill generate nexmark` (seed 11). That every result is right is shown by a test (crates/cli/tests/it/nexmark.rs).
# TIDEMILL is the binary (a release build), WORK a directory for everything (default ./nexmark.work, removed unless KEEP is set).
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
tidemill="${TIDEMILL:-$root/target/release/tidemill}"
[ -x "$tidemill" ] || { echo "no tidemill: cargo build --release, or set TIDEMILL" >&2; exit 2; }
work="$(realpath -m "${WORK:-$PWD/nexmark.work}")"
mkdir -p "$work"
trap '[ -n "${KEEP:-}" ] || rm -rf "$work"' EXIT
rm -rf "$work/project" && cp -r "$root/bench/nexmark" "$work/project"
"$tidemill" generate nexmark --rows "${1:-1000000}" --seed 11 --out "$work/project/data" --quiet >/dev/null
"$tidemill" -C "$work/project" run --quiet
"$tidemill" -C "$work/project" bench live --batch 1000 --rate 10000 --seconds 2 --json "$work/nexmark.json"
