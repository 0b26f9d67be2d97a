"""The sensors project against what was planted: how many of the spikes `anomalies` finds, and how many of its readings were planted.

    sensors.py PROJECT TRUTH --tidemill BINARY

The first readings after a fault count as told of it: a sensor that was stuck, silent or drifting comes back with a leap. Ends with 1 when fewer than
nine in ten spikes are found, or when more than one in five readings that are told is of no planted fault.
"""
import argparse
import csv
import json
import subprocess
from pathlib import Path

RECALL_MIN, PRECISION_MIN = 0.9, 0.8
AFTER = 3  # readings after a fault


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--tidemill", required=True)
    a = parser.parse_args()

    def ask(sql):
        done = subprocess.run([a.tidemill, "-C", str(a.project), "query", sql, "--format", "json", "--limit", "0"], capture_output=True, check=True)
        return json.loads(done.stdout)

    file = next(a.truth.rglob("labels_sensors*.csv"))
    with file.open() as f:
        labels = {int(r["row"]): r["pattern"] for r in csv.DictReader(f)}
    # A file's first line is its header, and no reading is damaged or repeated here.
    reading = {(r["id"], r["ts"]): r["_line"] - 1 for r in ask("SELECT id, ts, _line FROM raw.readings")}
    found = {reading[r["id"], r["ts"]] for r in ask("SELECT id, ts FROM anomalies")}
    # A detector needs some readings before it can say anything: what a sensor gives first is not asked for.
    first = {}
    for (sensor, ts), row in sorted(reading.items(), key=lambda x: x[0]):
        first.setdefault(sensor, []).append(row)
    early = {row for rows in first.values() for row in rows[:31]}
    spikes = {row for row, pattern in labels.items() if pattern == "spike"} - early
    planted = {row for row, pattern in labels.items() if pattern}
    # Sensors report in turn.
    planted |= {row + len(first) * k for row in planted for k in range(1, AFTER + 1)}
    recall = len(spikes & found) / len(spikes)
    precision = len(found & planted) / len(found)
    print(f"{len(spikes)} spikes planted, {len(spikes & found)} found: recall {recall:.3f}")
    print(f"{len(found)} readings told, {len(found & planted)} of planted faults of any kind: precision {precision:.3f}")
    if recall < RECALL_MIN or precision < PRECISION_MIN:
        raise SystemExit(1)


main()
