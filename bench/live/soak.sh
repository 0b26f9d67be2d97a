#!/usr/bin/env bash
# A day's soak, compressed: rows come through Kafka for SECONDS while the project is served, and nothing may grow.
#
#   bench/live/soak.sh [SECONDS] [RATE]        default 1200 (20 minutes) at 50000 rows a second
#
# Every EVERY seconds (10) are noted: resident memory, files of the lake (those of old versions included), data files of the newest versions, rows that
# wait in the topic, rows stored, the age of the newest row. CSV (default ./soak.csv) gets them; printed are medians of the first and of the last quarter, after
# WARM seconds (60, or a fifth when it is shorter than that). It fails when
#
# - the last quarter's memory is more than GROWTH percent (10) above the first one's,
# - files go on growing: the last quarter's are more than a quarter (and 100) above the third one's; judged after 15 minutes, since old
#   versions stay for 10,
# - more than two seconds' rows wait in the last quarter,
# - in the end a row is missing or there twice, or the view is not its SQL.
#
# TIDEMILL is the binary (a release build), WORK a directory for everything (default ./soak.work, removed unless KEEP is set).
set -euo pipefail
seconds="${1:-1200}" rate="${2:-50000}" every="${EVERY:-10}" growth="${GROWTH:-10}"
warm="${WARM:-60}"
[ "$warm" -le "$((seconds / 5))" ] || warm=$((seconds / 5))
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$here/../.."
tidemill="${TIDEMILL:-$root/target/release/tidemill}"
[ -x "$tidemill" ] || { echo "no tidemill: cargo build --release, or set TIDEMILL" >&2; exit 2; }
csv="$(realpath -m "${CSV:-$PWD/soak.csv}")" work="$(realpath -m "${WORK:-$PWD/soak.work}")"
mkdir -p "$work"
serving="" producing=""
finish() {
    for pid in $producing $serving; do kill "$pid" 2>/dev/null || true; done
    "$root/services/kafka.sh" stop --dir "$work/kafka" --now >/dev/null 2>&1 || true
    [ -n "${KEEP:-}" ] || rm -rf "$work"
}
trap finish EXIT
# Messages that were read need not be kept: the disk is not what is measured.
export KAFKA_PROPERTIES="${KAFKA_PROPERTIES:-log.retention.bytes=268435456;log.segment.bytes=67108864}"
eval "$("$root/services/kafka.sh" start --dir "$work/kafka" --while $$ | grep '^KAFKA_')"
export KAFKA_BOOTSTRAP TIDEMILL_KAFKA_BROKERS="$KAFKA_BOOTSTRAP"
project="$work/project"
rm -rf "$project" && cp -r "$here/project" "$project"
ask() { "$tidemill" -C "$project" query --format csv "$1" | tail -n +2; }

"$tidemill" topics create readings --partitions 4 >/dev/null
"$tidemill" -C "$project" serve --headless --quiet >"$work/serve.out" 2>"$work/serve.err" &
serving=$!
until "$tidemill" -C "$project" top --once >/dev/null 2>&1; do kill -0 "$serving" || { cat "$work/serve.err"; exit 1; }; sleep 0.1; done
"$tidemill" generate sensors --rows "$((rate * seconds))" --errors none --rate "$rate/s" --to "kafka://$KAFKA_BOOTSTRAP/readings" --key id --quiet >"$work/produce.out" 2>&1 &
producing=$!

echo "second,resident_kb,lake_files,data_files,waiting,rows,age_seconds" >"$csv"
began=$(date +%s)
while kill -0 "$producing" 2>/dev/null; do
    sleep "$every"
    kill -0 "$serving" 2>/dev/null || { echo "the project is served no more:"; cat "$work/serve.err"; exit 1; }
    resident=$(awk '/^VmRSS/ { print $2 }' "/proc/$serving/status")
    # Files go while they are counted.
    files=$(find "$project/lake" -type f 2>/dev/null | wc -l || true)
    data=$(find "$project/lake" -type f -name '*.parquet' -not -path '*/_delta_log/*' 2>/dev/null | wc -l || true)
    stream=$("$tidemill" -C "$project" top --once --format json | python3 -c 'import json, sys; s = json.load(sys.stdin)["streams"][0]; print(s["behind"] or 0, s["rows_in"], s["behind_seconds"] or 0, sep=",")')
    echo "$(($(date +%s) - began)),$resident,$files,$data,$stream" | tee -a "$csv"
done
wait "$producing" || { cat "$work/produce.out"; exit 1; }
producing=""
wanted=$((rate * seconds))
until [ "$(ask 'SELECT count(*) AS n FROM readings')" = "$wanted" ]; do
    kill -0 "$serving" 2>/dev/null || { cat "$work/serve.err"; exit 1; }
    [ "$(($(date +%s) - began))" -lt "$((seconds * 2 + 120))" ] || { echo "rows are missing: $(ask 'SELECT count(*) AS n FROM readings') of $wanted"; exit 1; }
    sleep 0.5
done
kill "$serving"; wait "$serving" || true; serving=""
twice=$(ask 'SELECT count(*) AS n FROM (SELECT _file, _line FROM raw.readings GROUP BY _file, _line HAVING count(*) > 1) d')
[ "$twice" = 0 ] || { echo "$twice rows are there twice"; exit 1; }
unequal=$(ask "SELECT count(*) AS n FROM (SELECT window_start, status, readings, round(mean, 6) AS mean, greatest FROM per_minute EXCEPT ALL
  SELECT window_start, status, count(*), round(avg(value), 6), max(value) FROM tumble(readings, ts, INTERVAL '1 minute') GROUP BY window_start, status) d")
[ "$unequal" = 0 ] || { echo "the view differs from its SQL in $unequal rows"; exit 1; }
python3 - "$csv" "$warm" "$rate" "$growth" <<'P'
import csv, statistics, sys
path, warm, rate, growth = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
rows = [{k: float(v) for k, v in r.items()} for r in csv.DictReader(open(path))]
rows = [r for r in rows if r["second"] >= warm]
if len(rows) < 4:
    sys.exit(f"only {len(rows)} samples after {warm} s: soak for longer, or sample more often (EVERY)")
def quarter(n, of):
    part = rows[len(rows) * n // 4: max(len(rows) * (n + 1) // 4, len(rows) * n // 4 + 1)]
    return statistics.median(r[of] for r in part)
print(f"{'median of':>16} {'first quarter':>14} {'third':>14} {'last':>14}")
for of in rows[0]:
    if of not in ("second", "rows"):
        print(f"{of:>16} {quarter(0, of):>14,.2f} {quarter(2, of):>14,.2f} {quarter(3, of):>14,.2f}")
bad = []
if quarter(3, "resident_kb") > quarter(0, "resident_kb") * (1 + growth / 100):
    bad.append(f"memory grew by more than {growth:g} %")
is_long = rows[-1]["second"] >= 900
for of in ("lake_files", "data_files") if is_long else ():
    if quarter(3, of) > quarter(2, of) * 1.25 + 100:
        bad.append(f"{of} go on growing")
if quarter(3, "waiting") > 2 * rate:
    bad.append("rows wait longer and longer")
if bad:
    sys.exit("; ".join(bad))
files = "files are bounded" if is_long else "files are not judged within 15 minutes"
print(f"memory is flat, {files}, no lag; every row is there once, and the view equals its SQL")
P
