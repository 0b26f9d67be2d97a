#!/usr/bin/env bash
# Feeds every decoder with broken files, so many minutes each (default 10). Needs a nightly toolchain and cargo-fuzz:
#
#   rustup toolchain install nightly && cargo install cargo-fuzz
#   bench/nightly-fuzz.sh [MINUTES]
#
# Ends with 1 if a decoder panicked, hung or took more than 2 GB; the file that did it is under fuzz/artifacts/DECODER/. What was learnt stays in
# fuzz/corpus/ for the next night.
set -euo pipefail
cd "$(dirname "$0")/.."

minutes="${1:-10}"
cargo +nightly fuzz --version >/dev/null 2>&1 || { echo "needs a nightly toolchain and cargo-fuzz: see the top of this script" >&2; exit 78; }

failed=0
for decoder in csv json parquet avro; do
    mkdir -p "fuzz/corpus/$decoder"
    echo "== $decoder, $minutes min" >&2
    cargo +nightly fuzz run "$decoder" "fuzz/corpus/$decoder" -- \
        -max_total_time="$((minutes * 60))" -max_len=65536 -timeout=20 -rss_limit_mb=2048 || failed=1
done
exit "$failed"
