#!/usr/bin/env bash
# The same work over keys that are evenly and unevenly spread: does another plan win, and what does it cost?
#
#   bench/skew.sh [ROWS] [SKEW…]                  default 1000000 0.8 1.5; WORK (a directory, default ./skew.work) holds the data
#
# At each skew a shop is generated and bench/skew run: joins of a small and of large sides, a star, groups and windows by customer. Told are seconds of each
# step and the most memory held, and the factor between the first skew and each other one. Where the binary has `bench plans`, each view is asked with
# broadcast and without, three times each, and the winner named. Everything goes to WORK/report.json; the data is removed unless KEEP is set.
# TIDEMILL is the binary (a release build).
set -euo pipefail
rows="${1:-1000000}"
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- 0.8 1.5
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
work="${WORK:-$PWD/skew.work}"
tidemill="${TIDEMILL:-}"
for candidate in "${CARGO_TARGET_DIR:+$CARGO_TARGET_DIR/release/tidemill}" "$here/../target/release/tidemill" "$(command -v tidemill || true)"; do
    [ -z "$tidemill" ] && [ -n "$candidate" ] && [ -x "$candidate" ] && tidemill="$candidate"
done
[ -n "$tidemill" ] || { echo "no tidemill: cargo build --release, or set TIDEMILL" >&2; exit 2; }
mkdir -p "$work"
plans=""
"$tidemill" bench plans --help >/dev/null 2>&1 && plans=yes

for skew in "$@"; do
    project="$work/skew-$skew"
    rm -rf "$project"
    cp -R "$here/skew" "$project"
    "$tidemill" generate shop --rows "$rows" --seed 4 --skew "$skew" --errors none --out "$project/data" \
        --table customers --table products --table orders --table order_lines --format json >"$project/generated.json"
    # Three times from the beginning: the median of a step is told, and the most memory of all.
    for turn in 1 2 3; do
        rm -rf "$project/lake"
        "$tidemill" -C "$project" run --format json --quiet >"$project/run-$turn.json"
    done
    [ -z "$plans" ] || "$tidemill" -C "$project" bench plans --repeat 3 --json "$project/plans.json" >/dev/null
    [ -n "${KEEP:-}" ] || rm -rf "$project/data" "$project/lake"
done

python3 - "$work" "$rows" "$@" <<'PY'
import json, statistics, sys
from pathlib import Path

work, rows, skews = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
told = {"rows": rows, "skews": {}}
for skew in skews:
    folder = work / f"skew-{skew}"
    runs = [json.loads((folder / f"run-{n}.json").read_text()) for n in (1, 2, 3)]
    steps = {}
    for run in runs:
        for step in run["steps"]:
            steps.setdefault(f"{step['node']} {step['stage']}", []).append(step["elapsed_seconds"])
    one = {
        "seconds": {k: statistics.median(v) for k, v in steps.items() if not k.endswith(" test")},
        "total_seconds": statistics.median(r["elapsed_seconds"] for r in runs),
        "cpu_seconds": statistics.median(r["cpu_seconds"] for r in runs),
        "memory_bytes_max": max(r["peak_memory_bytes"] for r in runs),
    }
    plans = folder / "plans.json"
    if plans.exists():
        one["broadcast"] = {}
        for view in json.loads(plans.read_text())["views"]:
            other = next(w for w in view["ways"] if w["way"] == "no broadcast")
            with_it, without = (statistics.median(w["seconds"]) for w in (view["usual"], other))
            one["broadcast"][view["view"]] = {
                "with": with_it, "without": without, "same_plan": not other["difference"],
                "winner": "the same plan" if not other["difference"] else "broadcast" if with_it <= without else "partitioned",
            }
    told["skews"][skew] = one
first = told["skews"][skews[0]]
print(f"{'':36}" + "".join(f"{'skew ' + s:>14}" for s in skews) + f"{'factor':>10}")
for name, of in [*((k, lambda o, k=k: o["seconds"].get(k, 0.0)) for k in first["seconds"]), ("all, seconds", lambda o: o["total_seconds"]),
                 ("all, CPU-seconds", lambda o: o["cpu_seconds"]), ("memory, MB", lambda o: o["memory_bytes_max"] / 1e6)]:
    values = [of(told["skews"][s]) for s in skews]
    print(f"{name:36}" + "".join(f"{v:14.2f}" for v in values) + (f"{values[-1] / values[0]:10.2f}" if values[0] else ""))
changed = []
for view in first.get("broadcast", {}):
    winners = [told["skews"][s]["broadcast"][view] for s in skews]
    print(f"{view:36}" + "".join(f"{w['winner']:>14}" for w in winners) + "    " + ", ".join(f"{w['with']:.2f} s with broadcast, {w['without']:.2f} s without" for w in winners))
    # Within a tenth of each other neither wins.
    sure = {w["winner"] for w in winners if w["same_plan"] or abs(w["with"] - w["without"]) > 0.1 * max(w["with"], w["without"])}
    if len(sure) > 1:
        changed.append(view)
last = told["skews"][skews[-1]]
told["factor_seconds"] = last["total_seconds"] / first["total_seconds"]
told["factor_cpu"] = last["cpu_seconds"] / first["cpu_seconds"]
told["factor_memory"] = last["memory_bytes_max"] / first["memory_bytes_max"]
told["winner_changes"] = changed if first.get("broadcast") else None
(work / "report.json").write_text(json.dumps(told, indent=1))
print(f"skew {skews[-1]} against {skews[0]}: {told['factor_seconds']:.2f} times the seconds, {told['factor_cpu']:.2f} times the CPU-seconds, {told['factor_memory']:.2f} times the memory; "
      + ("another plan wins in: " + ", ".join(changed) if changed else "no other plan wins" if first.get("broadcast") else "plans not compared: this binary has no `bench plans`"))
PY
