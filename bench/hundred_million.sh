#!/usr/bin/env bash
# 100 million transactions generated, cleaned and added up within 4 GB of memory, by a process that is killed in the middle and begins again.
#
#   bench/hundred_million.sh [ROWS] [SMALL]        default 100000000 and 2000000; WORK (a directory, default ./hundred_million.work) holds the data
#
# 1. SMALL rows, once without a break and once killed with SIGKILL while the clean table is written and then run again: every table must be equal.
# 2. ROWS rows, killed and run again: the ledger must balance, every view must add up to the clean table, and no process may have held more than 4 GB.
#    Where cgroups may be made (as root), the limit is one: memory.limit_in_bytes, page cache included. Elsewhere it is measured.
# 3. What it took goes to WORK/report.json; the data is removed unless KEEP is set.
#
# TIDEMILL is the binary (a release build); LIMIT (4294967296) the bytes. About 70 bytes of disk are needed for each row.
set -euo pipefail
rows="${1:-100000000}"
small="${2:-2000000}"
limit="${LIMIT:-4294967296}"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
work="${WORK:-$PWD/hundred_million.work}"
tidemill="${TIDEMILL:-}"
for candidate in "${CARGO_TARGET_DIR:+$CARGO_TARGET_DIR/release/tidemill}" "$here/../target/release/tidemill" "$(command -v tidemill || true)"; do
    [ -z "$tidemill" ] && [ -n "$candidate" ] && [ -x "$candidate" ] && tidemill="$candidate"
done
[ -n "$tidemill" ] || { echo "no tidemill: cargo build --release, or set TIDEMILL" >&2; exit 2; }
mkdir -p "$work"

group=""
for root in /sys/fs/cgroup/memory /sys/fs/cgroup; do
    made="$root/tidemill.$$"
    if [ -z "$group" ] && mkdir "$made" 2>/dev/null; then
        for file in memory.limit_in_bytes memory.max; do
            [ -e "$made/$file" ] && echo "$limit" >"$made/$file" 2>/dev/null && group="$made" && break
        done
        [ -n "$group" ] || rmdir "$made"
    fi
done
trap '[ -z "$group" ] || rmdir "$group" 2>/dev/null || true' EXIT
if [ -n "$group" ]; then echo "limit: $limit bytes, by the cgroup $group"; else echo "limit: $limit bytes, measured only (no cgroup can be made)"; fi

say() { printf '%s  %s\n' "$(date -u +%H:%M:%S)" "$*"; }

# Runs the project $1 within the limit, its output in $2; sets $pid.
start() {
    (
        [ -z "$group" ] || echo "$BASHPID" >"$group/cgroup.procs"
        exec "$tidemill" -C "$1" run --log-level warn >"$2" 2>&1
    ) &
    pid=$!
}

# Waits for $pid, and notes the most that it held resident, in kB, in $peak; kills it once the file or directory $1 has $2 bytes.
peak=0
watch() {
    killed=""
    while kill -0 "$pid" 2>/dev/null; do
        held="$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true)"
        [ "${held:-0}" -le "$peak" ] || peak="$held"
        if [ -n "${1:-}" ] && [ -z "$killed" ] && [ -d "$1" ] && [ "$(du -sb "$1" | cut -f1)" -ge "$2" ]; then
            # It may take a while to go, and may be gone by itself.
            kill -9 "$pid" 2>/dev/null && killed=yes
        fi
        sleep 0.2
    done
    status=0
    wait "$pid" 2>/dev/null || status=$?
}

project() {
    rm -rf "$1"
    cp -R "$here/hundred_million" "$1"
    ln -s "$2" "$1/data"
}

# Killed while the clean table is written, then run again to the end.
interrupted() {
    start "$1" "$1/first.log"
    watch "$1/lake/clean/transactions" "$2"
    [ -n "$killed" ] || { echo "the run ended ($status) before it could be killed"; tail -5 "$1/first.log"; exit 1; }
    say "killed with $(du -sb "$1/lake/clean/transactions" | cut -f1) bytes of the clean table written"
    start "$1" "$1/second.log"
    watch
    [ "$status" -eq 0 ] || { echo "the second run ended with $status"; tail -20 "$1/second.log"; exit 1; }
}

answers() {
    local views
    views="$(cd "$1/views" && ls -- *.sql | sed 's/\.sql$//')"
    for view in $views; do
        printf '%s ' "$view"
        "$tidemill" -C "$1" query "SELECT * FROM $view ORDER BY 1, 2, 3" --format csv --limit 0 | sha256sum
    done
    printf 'clean '
    "$tidemill" -C "$1" query "SELECT * FROM transactions ORDER BY customer_id, transacted_at, amount, transaction_type, device, location, age, gender" --format csv --limit 0 | sha256sum
}

generate() {
    rm -rf "$2"
    "$tidemill" generate transactions --rows "$1" --seed 4 --files 16 --compress zst --out "$2" --format json >"$2.json"
}

# ---------------------------------------------------------------------------------------------------------------- 1. the same result, whether killed or not
say "$small rows: with and without a break"
generate "$small" "$work/small_data"
project "$work/whole" "$work/small_data"
start "$work/whole" "$work/whole/first.log"
watch
[ "$status" -eq 0 ] || { tail -20 "$work/whole/first.log"; exit 1; }
project "$work/broken" "$work/small_data"
interrupted "$work/broken" $((small * 4))
answers "$work/whole" >"$work/whole.sums"
answers "$work/broken" >"$work/broken.sums"
diff "$work/whole.sums" "$work/broken.sums" || { echo "the interrupted run gives another result"; exit 1; }
say "equal: $(wc -l <"$work/whole.sums") tables"
"$tidemill" -C "$work/broken" audit | tail -1
rm -rf "$work/whole" "$work/broken" "$work/small_data"

# ---------------------------------------------------------------------------------------------------------------- 2. all rows
say "$rows rows: generating"
begun=$(date +%s)
generate "$rows" "$work/data"
generated=$(($(date +%s) - begun))
say "generated in $generated s, $(du -sb "$work/data" | cut -f1) bytes"
project "$work/all" "$work/data"
peak=0
begun=$(date +%s)
interrupted "$work/all" $((rows * 4))
took=$(($(date +%s) - begun))
say "done in $took s, both runs together; most memory $peak kB"
tail -25 "$work/all/second.log"
"$tidemill" -C "$work/all" audit
counted="$("$tidemill" -C "$work/all" query "SELECT count(*) AS transactions, sum(amount) AS amount FROM transactions" --format csv | tail -1)"
for view in by_customer by_day by_city_and_type by_group totals; do
    added="$("$tidemill" -C "$work/all" query "SELECT CAST(sum(transactions) AS BIGINT), sum(amount) FROM $view" --format csv | tail -1)"
    [ "$added" = "$counted" ] || { echo "$view adds up to $added instead of $counted"; exit 1; }
done
[ $((peak * 1024)) -le "$limit" ] || { echo "more than $limit bytes were held"; exit 1; }
printf '{"rows": %s, "generated_seconds": %s, "seconds_of_both_runs": %s, "memory_kb_max": %s, "limit_bytes": %s, "cgroup": %s, "clean": "%s", "lake_bytes": %s}\n' \
    "$rows" "$generated" "$took" "$peak" "$limit" "$([ -n "$group" ] && echo true || echo false)" "$counted" "$(du -sb "$work/all/lake" | cut -f1)" | tee "$work/report.json"
[ -n "${KEEP:-}" ] || rm -rf "$work/all" "$work/data"
say "all of it holds"
