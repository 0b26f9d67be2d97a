"""Tidemill, Spark Structured Streaming and Flink on one topic and one query, in one run, with the broker on the same machine:

    python bench/live/peers.py --tidemill target/release/tidemill --rows 2000000 --out /tmp/peers

1. drain: ROWS readings lie in a topic of 4 partitions; each engine reads them from the first to the last into count, mean and greatest by minute and status.
2. live: RATE rows a second come for SECONDS; how long after its message's own time a row shows in the result.

One engine runs at a time, in an order that changes with each round. Every result is held against what plain Python makes of the same messages. Writes
results.json and peers.md into --out, and prints the latter. See bench/README.md for what is measured how.
"""
import argparse
import csv
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "peers"), str(HERE.parent)]
import engines  # noqa: E402
import install  # noqa: E402
from measure import Watched, machine, measure, median  # noqa: E402

KAFKA = HERE.parent.parent / "services" / "kafka.sh"
FIRST = 1000    # rows of a day long ago, in each topic before all others
NAMES = {"tidemill": "Tidemill", "tidemill-first": "Tidemill, first run of a project", "spark": "Spark Structured Streaming", "flink": "Flink"}


def arguments():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--tidemill", default=os.environ.get("TIDEMILL"), help="the binary, built with --release (default: TIDEMILL)")
    a.add_argument("--rows", type=int, default=2_000_000, help="drain: messages in the topic")
    a.add_argument("--days", type=int, default=1, help="drain: how much time the readings tell of; each minute has a window")
    a.add_argument("--rate", type=int, default=10_000, help="live: rows a second; 0 leaves it out")
    a.add_argument("--seconds", type=int, default=30, help="live: for so long")
    a.add_argument("--warm", type=int, default=20, metavar="SECONDS", help="live: rows come at this rate for so long before those that count")
    a.add_argument("--rounds", type=int, default=3)
    a.add_argument("--engines", default=",".join(engines.ENGINES), help="which ones")
    a.add_argument("--limit", type=float, default=900, metavar="SECONDS", help="a run is stopped after so long")
    a.add_argument("--keep", action="store_true", help="leave what the engines wrote in --out")
    a.add_argument("--out", type=Path, required=True)
    return a.parse_args()


def main():
    a = arguments()
    a.tidemill = str(Path(shutil.which(a.tidemill or "") or sys.exit("no tidemill: cargo build --release, and --tidemill or TIDEMILL")).resolve())
    a.out = a.out.resolve()
    a.work = a.out / "work"
    shutil.rmtree(a.work, ignore_errors=True)
    a.work.mkdir(parents=True)
    started = subprocess.run([KAFKA, "start", "--dir", a.work / "kafka", "--while", str(os.getpid())], capture_output=True, text=True)
    try:
        told = dict(line.split("=", 1) for line in started.stdout.splitlines() if line.startswith("KAFKA_"))
        a.brokers = told.get("KAFKA_BOOTSTRAP") or sys.exit(f"no Kafka: {started.stderr}")
        used, missing = {}, []
        for name in a.engines.split(","):
            try:
                used[name] = engines.ENGINES[name](a)
            except install.Absent as why:
                missing.append(f"skipped: {name}, because {why}")
        results = {
            "made": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "machine": machine(),
            "versions": {"kafka": told["KAFKA_VERSION"], **{name: engine.version for name, engine in used.items() if name != "tidemill-first"}},
            **{key: getattr(a, key) for key in ("rows", "days", "rate", "seconds", "warm", "rounds")}, "missing": missing,
            "drain": drain(a, used), "live": live(a, used) if a.rate else {},
        }
    finally:
        subprocess.run([KAFKA, "stop", "--dir", a.work / "kafka", "--now"], capture_output=True)
        if not a.keep:
            shutil.rmtree(a.work, ignore_errors=True)
    (a.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    text = markdown(results)
    (a.out / "peers.md").write_text(text)
    print("\n" + text)
    wrong = [f"{NAMES[name]}, {part}: {run['wrong']}" for part in ("drain", "live") for name, r in results[part].items() for run in r["runs"] if run.get("wrong")]
    sys.exit("\n".join(wrong) or 0)


# --- a topic, and the truth about it ---------------------------------------------------------------------------------------------------------------------------

def tidemill(a, *words):
    subprocess.run([a.tidemill, *map(str, words)], env={**os.environ, "TIDEMILL_KAFKA_BROKERS": a.brokers}, check=True, stdout=subprocess.DEVNULL)


def send(a, topic, rows, *more):
    tidemill(a, "generate", "sensors", "--rows", rows, "--errors", "none", "--to", f"kafka://{a.brokers}/{topic}", "--key", "id", "--quiet", *more)


def read(a, topic):
    """All messages as (partition, offset, when sent), and what the query must answer about them."""
    tail = subprocess.Popen([a.tidemill, "topics", "tail", topic, "--from", "earliest", "--limit", "0", "--format", "csv"], text=True, stdout=subprocess.PIPE,
                            env={**os.environ, "TIDEMILL_KAFKA_BROKERS": a.brokers})
    messages, groups = [], {}
    lines = csv.reader(tail.stdout)
    next(lines)
    for partition, offset, sent, _, value in lines:
        messages.append((int(partition), int(offset), engines.instant(sent)))
        reading = json.loads(value)
        groups.setdefault((engines.minute(reading["ts"]) // 60 * 60, reading["status"]), []).append(reading["value"])
    if tail.wait():
        raise OSError(f"topic {topic} can't be read")
    truth = {}
    for key, values in groups.items():
        known = [value for value in values if value is not None]
        truth[key] = (len(values), sum(known) / len(known) if known else None, max(known, default=None))
    return messages, truth


def difference(truth, result):
    """In words, nothing if there is none: counts and greatest values alike, means to a billionth."""
    if truth.keys() != result.keys():
        return f"{len(truth.keys() - result.keys())} groups are missing, {len(result.keys() - truth.keys())} are too many"
    def same(a, b):
        return a == b or (a is not None and b is not None and abs(a - b) <= 1e-9 * max(1.0, abs(a)))
    unequal = [key for key, (n, mean, most) in truth.items() if (result[key][0], result[key][2]) != (n, most) or not same(mean, result[key][1])]
    return f"{len(unequal)} of {len(truth)} groups differ, such as {unequal[0]}: {result[unequal[0]]} is not {truth[unequal[0]]}" if unequal else None


# --- the two parts ---------------------------------------------------------------------------------------------------------------------------------------------

def in_turn(a, used, part, run):
    """`run` of each engine in each round, each in an empty directory; another one begins each round."""
    found = {name: {"runs": []} for name in used}
    for turn in range(a.rounds):
        order = list(used)[turn % len(used):] + list(used)[:turn % len(used)]
        for name in order:
            out = a.work / f"{part}-{turn}-{name}"
            out.mkdir()
            took = run(used[name], name, out)
            found[name]["runs"].append(took)
            print(f"{part}, round {turn + 1}, {name}: {json.dumps(took)}", flush=True)
            if not a.keep:
                shutil.rmtree(out)
    for result in found.values():
        good = [run for run in result["runs"] if not run.get("wrong")]
        keys = {key for run in good for key, value in run.items() if isinstance(value, (int, float))}
        result |= {key: median([run[key] for run in good if run.get(key) is not None]) for key in sorted(keys)}
    return found


def drain(a, used):
    tidemill(a, "topics", "create", "readings", "--partitions", "4")
    send(a, "readings", FIRST, "--start", "2024-01-01", "--days", 1)
    for engine in used.values():
        engine.prepare(a.work)
    send(a, "readings", a.rows, "--start", "2024-01-02", "--days", a.days, "--seed", 2)
    messages, truth = read(a, "readings")
    print(f"drain: {len(messages)} messages, {len(truth)} groups", flush=True)

    def run(engine, name, out):
        command = list(map(str, engine.command("drain", "readings", out)))
        took = measure(command, log=out / "log", env=engine.env, limit_s=a.limit)
        found = {"wall_s": took["wall_s"], "peak_mb": took["peak_mb"]}
        if took["exit"]:
            return {**found, "wrong": f"ended with {took['exit']}: {(out / 'log').read_text(errors='replace')[-600:]}"}
        work_s = engine.work_s(out)
        return {**found, "work_s": work_s, "rows_per_s": a.rows / took["wall_s"], "work_rows_per_s": work_s and a.rows / work_s,
                "wrong": difference(truth, engine.result(out))}
    return in_turn(a, used, "drain", run)


def live(a, used):
    def run(engine, name, out):
        topic = out.name
        tidemill(a, "topics", "create", topic, "--partitions", "4")
        send(a, topic, FIRST, "--start", "2024-01-01", "--days", 1)
        with open(out / "log", "wb") as log:
            process = subprocess.Popen(list(map(str, engine.command("live", topic, out))), stdout=log, stderr=log, env=engine.env, start_new_session=True)
        watched = Watched(process.pid, None)
        try:
            wait(a, process, lambda: engine.ready(out))
            send(a, topic, a.rate * a.warm, "--rate", f"{a.rate}/s")
            wait(a, process, lambda: engine.seen(out) >= FIRST + a.rate * a.warm)
            begin = time.time()
            send(a, topic, a.rate * a.seconds, "--rate", f"{a.rate}/s", "--seed", "2")
            wait(a, process, lambda: engine.seen(out) >= FIRST + a.rate * (a.warm + a.seconds))
            peak = watched.stop()
            engine.stop(out, process)
            process.wait(a.limit)
        except (TimeoutError, subprocess.TimeoutExpired) as why:
            return {"wrong": f"{why}: {(out / 'log').read_text(errors='replace')[-600:]}"}
        finally:
            watched.stop()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        messages, truth = read(a, topic)
        tidemill(a, "topics", "delete", topic)
        result = engine.rows if name == "tidemill" else engine.result(out)
        return {**engine.latency(out, messages, begin), "peak_mb": round(peak / 1e6), "wrong": difference(truth, result)}
    return in_turn(a, {name: engine for name, engine in used.items() if name != "tidemill-first"}, "live", run)


def wait(a, process, done):
    until = time.monotonic() + a.limit
    while not done():
        if process.poll() is not None or time.monotonic() > until:
            raise TimeoutError("it ended" if process.poll() is not None else "it took too long")
        time.sleep(0.5)


# --- the tables ------------------------------------------------------------------------------------------------------------------------------------------------

def markdown(results):
    where = results["machine"]
    versions = ", ".join(f"{NAMES.get(name, name.capitalize())} {version}" for name, version in results["versions"].items())
    lines = [f"{versions}; {where['cpu']}, {where['cores']} cores, {where['memory_gb']} GB, broker on the same; medians of {results['rounds']} rounds.", ""]
    ours = results["drain"].get("tidemill", {}).get("wall_s")
    lines += [f"{results['rows']:,} messages drained, {results['days']} day(s) of minutes by status:", "",
              "| | whole process | rows/s | by its own clock | rows/s | memory | time, Tidemill = 1 |", "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for name, r in results["drain"].items():
        if "wall_s" in r:
            own = f"{r['work_s']:.2f} s | {r['work_rows_per_s']:,.0f}" if "work_s" in r else "– | –"
            lines.append(f"| {NAMES[name]} | {r['wall_s']:.2f} s | {r['rows_per_s']:,.0f} | {own} | {r['peak_mb']:,.0f} MB | {times(r['wall_s'], ours)} |")
    ours = results["live"].get("tidemill", {}).get("p99")
    if results["live"]:
        lines += ["", f"{results['rate']:,} rows a second for {results['seconds']} s, a message's own time to its effect in the result:", "",
                  "| | p50 | p99 | most | memory | p99, Tidemill = 1 |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for name, r in results["live"].items():
        if "p50" in r:
            lines.append(f"| {NAMES[name]} | {r['p50']:.1f} ms | {r['p99']:.1f} ms | {r['most']:.1f} ms | {r['peak_mb']:,.0f} MB | {times(r['p99'], ours)} |")
    return "\n".join([*lines, *(["", *results["missing"]] if results["missing"] else [])]) + "\n"


def times(theirs, ours):
    return f"{theirs / ours:.1f}" if ours else "–"


if __name__ == "__main__":
    main()
