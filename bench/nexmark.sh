#!/usr/bin/env bash
# The Nexmark queries 0 to 22, each kept current over the same events, on one core: events/s, and how long a batch of a thousand takes.
#
#     bench/nexmark.sh [EVENTS]
#
# Every query is held against its batch result while it is measured. Events are made by `tidemill generate nexmark` (seed 11, out of order within 200).
set -euo pipefail
cd "$(dirname "$0")/.."
export TIDEMILL_NEXMARK_EVENTS="${1:-1000000}"
cargo test --workspace --release --test it every_query_is_kept_current -- --nocapture | grep -E '^(q[0-9]+:|test )'
