#!/usr/bin/env bash
# The API of a served shop: requests a second of a panel and a named query from memory, look-ups by key, and what pages that take nothing cost.
#
#   bench/dashboard/api.sh [ROWS] [SECONDS]        default 1000000 customers, products and orders; 10 s each
#
# 1. wrk asks a panel and a named query with 16 connections: requests a second, and the time of one in quantiles. wrk runs beside the server on the same cores.
# 2. wrk asks /api/entities/customer_id/KEY for keys drawn evenly from all customers, one connection at a time: the time of a look-up in quantiles.
# 3. 200 pages listen to events and read nothing, while 20 others ask: memory of the process before and after.
#
# Wants wrk, curl, python3. TIDEMILL is the binary (a release build), WORK a directory for everything (default ./api.work, removed unless KEEP is set; a shop that is there is used again).
set -euo pipefail
rows="${1:-1000000}" seconds="${2:-10}"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$here/../.."
tidemill="${TIDEMILL:-$root/target/release/tidemill}"
[ -x "$tidemill" ] || { echo "no tidemill: cargo build --release, or set TIDEMILL" >&2; exit 2; }
for tool in wrk curl python3; do command -v "$tool" >/dev/null || { echo "no $tool" >&2; exit 2; }; done
work="$(realpath -m "${WORK:-$PWD/api.work}")"
shop="$work/shop"
serving=""
trap '[ -z "$serving" ] || kill "$serving" 2>/dev/null; wait 2>/dev/null; [ -n "${KEEP:-}" ] || rm -rf "$work"' EXIT
mkdir -p "$work"
if [ ! -d "$shop/data" ]; then
    rm -rf "$shop" && cp -r "$root/projects/shop" "$shop" && rm -rf "$shop/lake"
    "$tidemill" generate shop --rows "$rows" --seed 3 --out "$shop/data" --quiet
fi
"$tidemill" -C "$shop" run --quiet
# What is kept by key is filled anew, so that it can be told when that is done.
rm -f "$shop/lake/_tidemill/profiles.redb" "$work/url"
"$tidemill" -C "$shop" serve --port 0 >"$work/url" 2>"$work/serve.log" &
serving=$!
for _ in $(seq 600); do [ -s "$work/url" ] && break; sleep 0.5; done
url="$(cat "$work/url")"
[ -n "$url" ] || { cat "$work/serve.log" >&2; exit 1; }
base="${url%%/\?*}" token="${url##*token=}"
get() { curl -sf -H "Authorization: Bearer $token" "$base$1"; }
metric() { get /metrics | awk -v name="tidemill_$1" '$1 == name { print $2 }'; }
memory() { awk '/^VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$serving/status"; }
quantiles() { awk -v what="$1" '/Requests\/sec/ { rate = $2 } /50%/ { p50 = $2 } /99%/ { p99 = $2 } /Non-2xx/ { bad = $NF } /Socket errors/ { bad = $0 }
    END { printf "%-14s %9.0f requests/s   p50 %s   p99 %s%s\n", what, rate, p50, p99, bad ? "   NOT ALL ANSWERED: " bad : ""; exit bad != "" }'; }
load() { wrk --latency -t1 -c"$1" -d"${seconds}s" -H "Authorization: Bearer $token" "${@:2}"; }

best='/api/queries/best_sellers?limit=10'
panel='/api/dashboards/overview/panels/0'
get "$best" >/dev/null && get "$panel" >/dev/null
load 16 "$base$panel" | quantiles panel
load 16 "$base$best" | quantiles query

# Until the profiles of every view of the customers are kept.
views="$(get /api/entities | python3 -c 'import json, sys; print(sum(len(e["profiles"]) for e in json.load(sys.stdin)["entities"]))')"
for _ in $(seq 1200); do [ "$(metric profile_fillings_total)" -ge "$views" ] && break; sleep 0.5; done
"$tidemill" -C "$shop" query --format csv --limit 100000 "SELECT customer_id FROM customers ORDER BY random()" >"$work/keys"
KEYS="$work/keys" load 1 -s "$here/keys.lua" "$base" | quantiles look-up
printf 'look-ups answered by what is kept: %s, by views: %s\n' "$(metric profiles_kept_total)" "$(metric profiles_asked_total)"
ls -l --block-size=M "$shop/lake/_tidemill/profiles.redb" | awk '{ print "profiles take " $5 " on disk" }'

before="$(memory)"
python3 "$here/stalled.py" "$base" "$token" 200 "$seconds" &
stalled=$!
load 20 "$base$best" >/dev/null
after="$(memory)"
wait "$stalled"
echo "memory with 200 pages that take nothing: $before MB before, $after MB after"
