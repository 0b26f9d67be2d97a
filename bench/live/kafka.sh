#!/usr/bin/env bash
# A topic of JSON, kept as a windowed live view and a filtered one, with the broker on the same machine.
#
#   bench/live/kafka.sh [ROWS] [RATE] [SECONDS]        default 2000000, 10000 rows a second for 30 s
#
# 1. ROWS readings are written to a topic of 4 partitions, then drained: from the first message read to the last row committed (epochs and Delta
#    included); rows a second, and the memory of the process: the most that was resident, and the most of it that is its own (the rest is the
#    program's file, which the system shares and drops as it likes).
# 2. RATE rows a second come for SECONDS while the project is served: the time from the message's own timestamp (set by the producer) to when a
#    query sees the row, as `top` tells it, in quantiles of all rows.
#    And from when a row was made to when the commit of the Delta table that holds it is there for every reader, read from the log of the clean table:
#    each commit's time against the oldest row it adds.
# 3. Every row must be there once, and the view equal its SQL over the table.
#
# TIDEMILL is the binary (a release build), WORK a directory for everything (default ./live.work, removed unless KEEP is set).
set -euo pipefail
rows="${1:-2000000}" rate="${2:-10000}" seconds="${3:-30}"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$here/../.."
tidemill="${TIDEMILL:-$root/target/release/tidemill}"
[ -x "$tidemill" ] || { echo "no tidemill: cargo build --release, or set TIDEMILL" >&2; exit 2; }
work="$(realpath -m "${WORK:-$PWD/live.work}")"
mkdir -p "$work"
serving=""
trap '[ -z "$serving" ] || kill "$serving" 2>/dev/null; "$root/services/kafka.sh" stop --dir "$work/kafka" --now >/dev/null 2>&1; [ -n "${KEEP:-}" ] || rm -rf "$work"' EXIT
eval "$("$root/services/kafka.sh" start --dir "$work/kafka" --while $$ | grep '^KAFKA_')"
export KAFKA_BOOTSTRAP TIDEMILL_KAFKA_BROKERS="$KAFKA_BOOTSTRAP"
project="$work/project"
rm -rf "$project" && cp -r "$here/project" "$project"
say() { printf '%s\n' "$*"; }
ask() { "$tidemill" -C "$project" query --format csv "$1" | tail -n +2; }
unequal="SELECT count(*) AS n FROM (SELECT window_start, status, readings, round(mean, 6) AS mean, greatest FROM per_minute EXCEPT ALL
  SELECT window_start, status, count(*), round(avg(value), 6), max(value) FROM tumble(readings, ts, INTERVAL '1 minute') GROUP BY window_start, status) d"

"$tidemill" topics create readings --partitions 4 >/dev/null
"$tidemill" generate sensors --rows "$rows" --start 2024-01-01 --days 1 --errors none --to "kafka://$KAFKA_BOOTSTRAP/readings" --key id --quiet >/dev/null
# The first rows have their rules fitted by a run; what is measured begins from nothing, so the same is done on an empty copy.
began=$(date +%s.%N)
/usr/bin/time -v "$tidemill" -C "$project" run --quiet >"$work/run.out" 2>"$work/run.err" || { cat "$work/run.err"; exit 1; }
ended=$(date +%s.%N)
memory=$(awk '/Maximum resident/ { print $NF }' "$work/run.err")
say "drained, first run (raw rows, rules fitted, clean table and views built): $(awk -v r="$rows" -v a="$began" -v b="$ended" 'BEGIN { printf "%d rows in %.2f s, %.0f rows/s", r, b - a, r / (b - a) }'), $((memory / 1024)) MB"
"$tidemill" generate sensors --rows "$rows" --start 2024-01-02 --days 1 --seed 2 --errors none --to "kafka://$KAFKA_BOOTSTRAP/readings" --key id --quiet >/dev/null
began=$(date +%s.%N)
"$tidemill" -C "$project" serve --headless --until-caught-up >"$work/drain.out" 2>"$work/drain.err" &
serving=$! memory=0 own=0
while read -r resident anonymous < <(awk '/^VmHWM/ { h = $2 } /^RssAnon/ { a = $2 } END { if (h != "") print h, a }' "/proc/$serving/status" 2>/dev/null); do
    memory=$resident
    [ "$anonymous" -le "$own" ] || own=$anonymous
    sleep 0.03
done
wait "$serving" || { cat "$work/drain.err"; exit 1; }
serving=""
ended=$(date +%s.%N)
say "drained, kept live (raw, clean, two live views, committed): $(awk -v r="$rows" -v a="$began" -v b="$ended" 'BEGIN { printf "%d rows in %.2f s, %.0f rows/s", r, b - a, r / (b - a) }'), $((memory / 1024)) MB ($((own / 1024)) MB its own)"
[ "$(ask 'SELECT count(*) AS n FROM readings')" = "$((2 * rows))" ] || { say "rows are missing: $(ask 'SELECT count(*) AS n FROM readings')"; exit 1; }
[ "$(ask "$unequal")" = 0 ] || { say "the view differs from its SQL"; exit 1; }

before=$(find "$project/lake/clean/readings/_delta_log" -name '*.json' -printf '%f\n' | sort | tail -1 | sed 's/\.json$//; s/^0*//')
"$tidemill" -C "$project" serve --headless --quiet >"$work/serve.out" 2>"$work/serve.err" &
serving=$!
until "$tidemill" -C "$project" top --once >/dev/null 2>&1; do kill -0 "$serving" || { cat "$work/serve.err"; exit 1; }; sleep 0.1; done
"$tidemill" generate sensors --rows "$((rate * seconds))" --seed 3 --errors none --rate "$rate/s" --to "kafka://$KAFKA_BOOTSTRAP/readings" --key id --quiet >/dev/null
until [ "$(ask 'SELECT count(*) AS n FROM readings')" = "$((2 * rows + rate * seconds))" ]; do sleep 0.1; done
"$tidemill" -C "$project" top --once --format json >"$work/top.json"
kill "$serving"; wait "$serving" || true; serving=""
python3 - "$work/top.json" "$rate" <<'P'
import json, sys
top = json.load(open(sys.argv[1]))
for kind, name in [("streams", "table"), ("live_views", "view")]:
    for one in top[kind]:
        print(f"at {sys.argv[2]} rows/s, source time to queryable, {one[name]}: p50 {one['latency_ms_p50']:.1f} ms, p99 {one['latency_ms_p99']:.1f} ms, most {one['latency_ms_max']:.1f} ms")
P
python3 - "$project/lake/clean/readings" "$before" <<'P'
import json, sys
from datetime import datetime
from pathlib import Path
table, before = Path(sys.argv[1]), int(sys.argv[2])
delays, files = [], set()
for log in sorted((table / "_delta_log").glob("*.json")):
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    adds = [a["add"] for a in actions if "add" in a]
    files.update(a["path"] for a in adds)
    files.difference_update(a["remove"]["path"] for a in actions if "remove" in a)
    # Files that were written together with others are no news.
    if int(log.stem) <= before or not adds or not all(a["dataChange"] for a in adds):
        continue
    oldest = min(datetime.fromisoformat(json.loads(a["stats"])["minValues"]["ts"].replace("Z", "+00:00")).timestamp() for a in adds)
    delays.append(log.stat().st_mtime - oldest)
delays.sort()
at = lambda part: delays[min(int(len(delays) * part), len(delays) - 1)]
print(f"made to readable in Delta by anybody, the oldest row of each of {len(delays)} commits: p50 {at(0.5):.2f} s, p99 {at(0.99):.2f} s, most {delays[-1]:.2f} s; {len(files)} data files in the newest version")
P
[ "$(ask "$unequal")" = 0 ] || { say "the view differs from its SQL"; exit 1; }
say "every row is there once, and the view equals its SQL"
