"""The comparison for people who decide: one command, which can be stopped and given again.

    python bench/decide/decide.py --tidemill target/release/tidemill --out /tmp/decide

Makes the data, runs every way of doing the work at every size, compares the results, and writes results.json and decide.html into --out. What a run took is
noted at once in runs.jsonl there; runs that are noted are not made again (--fresh forgets them). See README.md beside this file.
"""
import argparse
import datetime
import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import compare  # noqa: E402
import page  # noqa: E402
from measure import machine, measure, median, print_table, warm  # noqa: E402

WAYS = ["tidemill", "pandas", "postgres-sets", "postgres-rows"]
VARIATION = "postgres-rows-memory"       # the row-by-row script with its lookups kept in memory, at one size
REFERENCE = HERE / "project" / "reference"


def arguments():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--tidemill", required=True, help="the binary; build it with --release")
    a.add_argument("--rows", default="1000,100000,1000000,10000000", help="sizes, with commas between")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--errors", default="missing=2%,typo=1%,duplicate=1%,invalid=0.5%,format=1%,corrupt=0.1%", help="as for tidemill generate")
    a.add_argument("--repeat", type=int, default=3, help="runs of each; the median counts")
    a.add_argument("--repeat-below", type=float, default=120, metavar="SECONDS", help="what takes longer than this is run once")
    a.add_argument("--limit", type=float, default=900, metavar="SECONDS", help="a run is stopped after so long")
    a.add_argument("--ways", default=",".join(WAYS), help="which ones")
    a.add_argument("--scaling-rows", type=int, default=1_000_000, help="the size that is also run on fewer cores; 0 for none")
    a.add_argument("--variation-rows", type=int, default=100_000, help="the size at which the row-by-row script also runs with lookups in memory; 0 for none")
    a.add_argument("--price", type=float, default=0.05, help="of one core for one hour")
    a.add_argument("--currency", default="€")
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--data", type=Path, help="where the data lies (default: data in --out); it is made once, and left there")
    a.add_argument("--fresh", action="store_true", help="forget the runs that are noted")
    a.add_argument("--page-only", action="store_true", help="only write the page again from results.json")
    return a.parse_args()


def main():
    a = arguments()
    a.out.mkdir(parents=True, exist_ok=True)
    a.out = a.out.resolve()
    if a.page_only:
        results = json.loads((a.out / "results.json").read_text())
    else:
        a.tidemill = shutil.which(a.tidemill) or sys.exit(f"{a.tidemill} is no program")
        a.tidemill = str(Path(a.tidemill).resolve())
        results = everything(a)
    (a.out / "decide.html").write_text(page.html(results))
    summary(results)
    print(f"\n{a.out / 'decide.html'}")
    unequal = [f"{way} at {rows} rows: {', '.join(names)}" for rows, ways in results["differences"].items() for way, names in ways.items() if names]
    sys.exit("results differ: " + "; ".join(unequal) if unequal else 0)


def everything(a):
    sizes = sorted(int(s.replace("_", "")) for s in a.rows.split(","))
    ways, skipped = available(a.ways.split(","))
    cores = machine()["cores"]
    results = {
        "made": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "machine": machine(), "versions": versions(a, ways),
        "options": {k: getattr(a, k) for k in ("seed", "errors", "repeat", "repeat_below", "limit", "scaling_rows", "variation_rows", "price", "currency")},
        "sizes": sizes, "ways": ways, "skipped": skipped, "data": {}, "runs": [], "differences": {},
    }
    plan = [(rows, way, cores) for rows in sizes for way in ways]
    if "postgres-rows" in ways and a.variation_rows in sizes:
        plan.append((a.variation_rows, VARIATION, cores))
    if a.scaling_rows in sizes:
        fewer = [n for n in (1, 2, 4, 8, 16, 32, 64) if n < cores]
        plan += [(a.scaling_rows, way, n) for n in fewer for way in ways]
    for rows in sizes:
        results["data"][str(rows)] = make_data(a, rows)
    noted = Noted(a.out / "runs.jsonl", a, results["versions"])
    for rows, way, n in plan:
        for attempt in range(a.repeat):
            run = noted.find(rows, way, n, attempt)
            if run is None:
                print(f"{way}, {rows:,} rows, {n} cores, run {attempt + 1}: ", end="", flush=True)
                run = one(a, rows, way, n, attempt)
                print(told(run), flush=True)
                noted.add(run)
            results["runs"].append(run)
            if run["outcome"] != "finished" or run["wall_s"] > a.repeat_below:
                break
        results["differences"] = differences(results["runs"])
        (a.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    return results


def available(ways):
    """Those of the ways that this machine has what they need for, and why the others can't run."""
    unknown = [way for way in ways if way not in WAYS]
    if unknown:
        sys.exit(f"no such way: {', '.join(unknown)}; there are {', '.join(WAYS)}")
    skipped = {}
    for way in ways:
        if way == "pandas":
            skipped[way] = absent("pandas") or absent("pyarrow")
        elif way.startswith("postgres"):
            asked = subprocess.run([HERE / "postgres.sh", "version"], capture_output=True, text=True)
            skipped[way] = absent("psycopg") or (asked.stderr.strip() if asked.returncode else None)
    skipped = {way: why for way, why in skipped.items() if why}
    for way, why in skipped.items():
        print(f"skipped: {way}, because {why}", flush=True)
    return [way for way in ways if way not in skipped], skipped


def absent(package):
    try:
        importlib.metadata.version(package)
        return None
    except importlib.metadata.PackageNotFoundError:
        return f"this Python has no {package} (pip install -r bench/decide/requirements.txt)"


def versions(a, ways):
    told = {"tidemill": subprocess.run([a.tidemill, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1],
            "python": sys.version.split()[0]}
    for package in ("pandas", "pyarrow", "numpy", "psycopg", "duckdb", "rapidfuzz"):
        if not absent(package):
            told[package] = importlib.metadata.version(package)
    if any(way.startswith("postgres") for way in ways):
        told["postgresql"] = subprocess.run([HERE / "postgres.sh", "version"], capture_output=True, text=True).stdout.strip().removeprefix("postgres (PostgreSQL) ")
    return told


def data_file(a, rows):
    return (a.data or a.out / "data").resolve() / f"orders-{rows}-{a.seed}-{hashlib.sha256(a.errors.encode()).hexdigest()[:8]}" / "orders.csv"


def make_data(a, rows):
    file = data_file(a, rows)
    if not file.exists():
        subprocess.run([a.tidemill, "generate", "orders", "--rows", str(rows), "--seed", str(a.seed), "--errors", a.errors, "--out", str(file.parent), "--quiet"],
                       check=True)
    with open(file, "rb") as f:
        lines = sum(block.count(b"\n") for block in iter(lambda: f.read(1 << 24), b"")) - 1
    return {"path": str(file), "bytes": file.stat().st_size, "lines": lines}


class Noted:
    """Runs that were made, one a line. A run counts again only for the same data, programs and limit."""

    def __init__(self, path, a, versions):
        self.path = path
        stamp = f"{a.tidemill} {Path(a.tidemill).stat().st_mtime_ns}"
        parts = [HERE.parent / "measure.py", HERE / "compare.py", *HERE.glob("p*_*.*"), HERE / "postgres.sh", *(HERE / "project").rglob("*.*")]
        scripts = hashlib.sha256(b"".join(part.read_bytes() for part in sorted(parts) if part.is_file())).hexdigest()
        self.of = hashlib.sha256(json.dumps([a.seed, a.errors, a.limit, versions, stamp, scripts]).encode()).hexdigest()[:12]
        if a.fresh:
            path.unlink(missing_ok=True)
        self.runs = {}
        for line in path.read_text().splitlines() if path.exists() else []:
            run = json.loads(line)
            if run["of"] == self.of:
                self.runs[run["rows"], run["way"], run["cores"], run["attempt"]] = run

    def find(self, *key):
        return self.runs.get(key)

    def add(self, run):
        run["of"] = self.of
        with open(self.path, "a") as file:
            file.write(json.dumps(run) + "\n")


def one(a, rows, way, cores, attempt):
    """One run of one way, in a directory that is gone afterwards."""
    data = data_file(a, rows)
    work = a.out / f"work-{os.getpid()}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    server = None
    pinned = sorted(os.sched_getaffinity(0))[:cores]
    try:
        if way.startswith("postgres"):
            server = Server(pinned)
        warm(data)
        took = measure(command(a, way, data, work, cores, server), log=work / "log.txt", limit_s=a.limit, cores=pinned, server=server and server.pid,
                       env={**os.environ, "OMP_NUM_THREADS": str(cores), "LC_ALL": "C.UTF-8", "TZ": "UTC"})
        run = {"rows": rows, "way": way, "cores": cores, "attempt": attempt, **took}
        if took["stopped"]:
            at = read_json(work / "progress.json")
            run |= {"outcome": "stopped", "at_row": at.get("rows"), "stage": at.get("stage"), "at_s": at.get("seconds")}
        elif took["exit"] != 0:
            run |= {"outcome": "failed", "why": (work / "log.txt").read_text(errors="replace")[-600:]}
        else:
            run |= {"outcome": "finished"}
            if attempt == 0:
                run["figures"], run["quarantined"] = left_behind(way, work, server)
        return run
    finally:
        if server:
            server.stop()
        shutil.rmtree(work, ignore_errors=True)


def command(a, way, data, work, cores, server):
    if way == "tidemill":
        shutil.copytree(HERE / "project", work / "project", ignore=shutil.ignore_patterns("lake", "data"))
        (work / "project" / "data").symlink_to(data.parent)
        return [a.tidemill, "-C", str(work / "project"), "run", "--quiet", "--set", f"engine.threads={cores}"]
    script = {"pandas": "pandas_clean.py", "postgres-sets": "postgres_sets.py"}.get(way, "postgres_rows.py")
    words = [sys.executable, str(HERE / script), str(data), str(REFERENCE), str(work)]
    if server:
        words += ["--host", server.home]
    if way == VARIATION:
        words += ["--lookups", "memory"]
    return words


class Server:
    """An empty PostgreSQL that keeps to these cores."""

    def __init__(self, cores):
        # A socket's path is at most 107 bytes long, and another user must be able to walk there: not below --out.
        self.home = str(Path(os.environ.get("DECIDE_PG_DIR", "/tmp")) / f"tidemill-decide-pg-{os.getpid()}")
        if Path(self.home).exists():
            subprocess.run([HERE / "postgres.sh", "stop", self.home], check=False)
        started = subprocess.run(["taskset", "-c", ",".join(map(str, cores)), HERE / "postgres.sh", "start", self.home], check=True, capture_output=True, text=True)
        self.pid = int(started.stdout.split()[-1])

    def stop(self):
        subprocess.run([HERE / "postgres.sh", "stop", self.home], check=False)


def left_behind(way, work, server):
    """Fingerprints of the figures of compare.py, with the number of rows as it is; and how many rows were set aside."""
    if way == "tidemill":
        figures, aside = compare.of_delta(work / "project")
    elif server:
        figures, aside = compare.of_server(server.home)
    else:
        figures = compare.of_files([str(work / "orders.parquet")], [str(work / "monthly_sales.parquet")])
        aside = read_json(work / "report.json").get("quarantined")
    short = {name: hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16] for name, rows in figures.items()}
    short["rows"] = int(figures["rows"][0][0])
    return short, aside


def differences(runs):
    """For each size and way, the figures in which it differs from the first way that finished."""
    found = {}
    for run in runs:
        if "figures" in run:
            here = found.setdefault(str(run["rows"]), {"": run})
            names = compare.differences(here[""]["figures"], run["figures"])
            if here[""]["quarantined"] != run["quarantined"]:
                names.append("rows set aside")
            here[run["way"]] = sorted(set(here.get(run["way"], [])) | set(names))
    return {rows: {way: names for way, names in ways.items() if way} for rows, ways in found.items()}


def read_json(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


def told(run):
    if run["outcome"] == "finished":
        return f"{run['wall_s']:.2f} s, {run['cpu_s']:.2f} s of CPU, {run['peak_mb']} MB"
    if run["outcome"] == "stopped":
        return f"stopped after {run['wall_s']:.0f} s, " + (f"at row {run['at_row'] or 0:,}" if run["stage"] == "rows" else run["stage"] or "it does not say where")
    return f"failed: {run['why'].strip().splitlines()[-1] if run['why'].strip() else run['exit']}"


def summary(results):
    rows = []
    for point in page.points(results):
        agree = results["differences"].get(str(point["rows"]), {}).get(point["way"])
        if point["outcome"] == "finished":
            figures = [f"{point['wall_s']:.2f}", f"{point['cpu_s']:.2f}", point["peak_mb"], f"{point['rows_per_s']:,.0f}"]
        else:
            figures = [point["outcome"], "-", "-", "-"]
        rows.append([point["way"], f"{point['rows']:,}", point["cores"], point["runs"], *figures,
                     "-" if agree is None else "yes" if not agree else f"no: {', '.join(agree)}"])
    print_table(["way", "rows", "cores", "runs", "wall s", "CPU s", "MB", "rows/s", "equal"], rows)


if __name__ == "__main__":
    main()
