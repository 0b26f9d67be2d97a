"""The benchmark folder in one command:

    python bench/run.py --tidemill target/release/tidemill --rows 1000000 --out /tmp/bench

Makes data (generation), cleans a messy file (w1), answers ten analytic queries (w2), and asks from memory and from disk (memory). Other programs do the same
work on the same files; their runner is not part of this repository (--peer-scripts). Writes one JSON file per run, results.json, and benchmarks.md, which is
ready for docs/benchmarks.md; prints the same tables. What was measured already for this binary, these rows and this seed is not measured again (--fresh).
"""
import argparse
import datetime
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import tables  # noqa: E402
from measure import machine, measure, median  # noqa: E402

PARTS = ["generation", "w1", "w2", "memory"]
PROJECTS = HERE.parent / "projects"
KINDS = ["orders", "transactions", "sensors", "shop"]


def arguments():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--tidemill", required=True, help="the binary; build it with --release")
    a.add_argument("--rows", type=int, default=1_000_000)
    a.add_argument("--seed", type=int, default=3)
    a.add_argument("--repeat", type=int, default=3, help="runs of each; the median counts")
    a.add_argument("--only", default=",".join(PARTS), help="parts, with commas between")
    a.add_argument("--peers", default="duckdb,polars,pandas,spark", help="whom to compare with; none for nobody")
    a.add_argument("--peer-scripts", type=Path, default=HERE.parent.parent / "shared" / "peers", help="the folder of the peers' run.py")
    a.add_argument("--limit", type=float, default=1800, metavar="SECONDS", help="a run is stopped after so long")
    a.add_argument("--project", choices=["shop", "orders"], help="memory: in which of the shipped projects (default: shop)")
    a.add_argument("--cache", default="4GB", help="memory: engine.cache")
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--fresh", action="store_true", help="measure again what was measured")
    a.add_argument("--tables-only", action="store_true", help="only write the tables again from what was measured")
    return a.parse_args()


def main():
    a = arguments()
    program = shutil.which(a.tidemill) or sys.exit(f"{a.tidemill} is no program")
    a.tidemill, a.out, a.peer_scripts = str(Path(program).resolve()), a.out.resolve(), a.peer_scripts.resolve()
    a.out.mkdir(parents=True, exist_ok=True)
    wanted = a.only.split(",")
    if unknown := [part for part in wanted if part not in PARTS]:
        sys.exit(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    a.peers = [peer for peer in a.peers.split(",") if peer and peer != "none"]
    run = {"generation": generation, "w1": lambda a: with_peers(a, "w1", "W1"), "w2": lambda a: with_peers(a, "w2", "W2"), "memory": memory}
    results = {
        "made": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "rows": a.rows, "seed": a.seed, "repeat": a.repeat,
        "machine": machine(), "versions": versions(a), "parts": {},
    }
    missing = []
    for part in wanted:
        print(f"== {part}", flush=True)
        try:
            results["parts"][part] = run[part](a)
        except Absent as why:
            missing.append(f"skipped: {part}, because {why}")
            print(missing[-1], flush=True)
        (a.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    text = tables.markdown(results, HERE / "bounds.toml")
    (a.out / "benchmarks.md").write_text(text)
    print("\n" + text)
    for line in missing:
        print(line)
    print(f"{a.out / 'results.json'}\n{a.out / 'benchmarks.md'}")
    wrong = tables.wrong(results)
    sys.exit("\n".join(wrong) if wrong else 0)


class Absent(Exception):
    """What a part needs is not there."""


def noted(a, name, make):
    """What `make` measured, or what is in the file of an earlier run of the same binary on the same data."""
    file = a.out / f"{name}.json"
    stamp = f"{a.tidemill} {Path(a.tidemill).stat().st_mtime_ns}, {a.rows} rows, seed {a.seed}"
    if file.exists() and not a.fresh:
        found = json.loads(file.read_text())
        if found["of"] == stamp:
            return found["result"]
    if a.tables_only:
        raise Absent(f"{name} was not measured yet")
    print(f"{name}: ", end="", flush=True)
    result = make()
    if not result.get("error"):     # what failed is tried again by the next command
        file.write_text(json.dumps({"of": stamp, "result": result}, indent=1) + "\n")
    print(result.get("told", "done"), flush=True)
    return result


def versions(a):
    told = {"tidemill": subprocess.run([a.tidemill, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1], "python": sys.version.split()[0]}
    for peer in a.peers:
        package = {"spark": "pyspark", "sklearn": "scikit-learn"}.get(peer, peer)
        try:
            told[peer] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pass
    return told


# --- generation ----------------------------------------------------------------------------------------------------------------------------------------------

def generation(a):
    """Each kind by ours, and what others need for comparable files."""
    ours = [a.tidemill, "generate"]
    jobs = {kind: [*ours, kind, "--rows", a.rows, "--seed", a.seed, "--out", "{out}/data", "--quiet"] for kind in KINDS}
    jobs["orders with truth"] = [*ours, "orders", "--rows", a.rows, "--seed", a.seed, "--out", "{out}/data", "--truth", "{out}/truth", "--quiet"]
    jobs["orders as parquet"] = [*ours, "orders", "--rows", a.rows, "--seed", a.seed, "--out", "{out}/data", "--as", "parquet", "--quiet"]
    jobs["transactions without errors"] = [*ours, "transactions", "--rows", a.rows, "--seed", a.seed, "--errors", "none", "--out", "{out}/data", "--quiet"]
    found = {name: noted(a, f"generation-{name.replace(' ', '-')}", lambda command=command: generate(a, command)) for name, command in jobs.items()}
    if "duckdb" in a.peers:
        command = [sys.executable, HERE / "generate_duckdb.py", "--rows", a.rows, "--seed", a.seed, "--out", "{out}/data"]
        found["transactions without errors"]["peer"] = {
            "who": "DuckDB, plain random columns", **noted(a, "generation-duckdb-transactions", lambda: generate(a, command))}
    script = a.peer_scripts / "gen_wide.py"
    if a.peers and script.exists():
        command = [sys.executable, script, "--rows", a.rows, "--seed", a.seed, "--out", "{out}/data"]
        found["orders with truth"]["peer"] = {"who": "a script with NumPy and Polars", **noted(a, "generation-script-orders", lambda: generate(a, command))}
    return found


def generate(a, command):
    runs = []
    for _ in range(a.repeat):
        home = a.out / "generated"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        took = measure([str(word).replace("{out}", str(home)) for word in command], log=a.out / "generate.log", limit_s=a.limit)
        if took["exit"] != 0:
            raise Absent(f"{' '.join(map(str, command))} failed: {(a.out / 'generate.log').read_text(errors='replace')[-400:]}")
        size = sum(f.stat().st_size for f in home.rglob("*") if f.is_file())
        runs.append({**took, "bytes": size, "lines": count_rows(home / "data")})
        shutil.rmtree(home)
    result = {key: median([run[key] for run in runs]) for key in ("wall_s", "cpu_s", "peak_mb", "bytes", "lines")}
    result |= {"rows_per_s": result["lines"] / result["wall_s"], "mb_per_s": result["bytes"] / 1e6 / result["wall_s"], "runs": len(runs)}
    result["told"] = f"{result['wall_s']:.2f} s, {result['rows_per_s'] / 1e6:.2f} million rows a second, {result['mb_per_s']:.0f} MB/s, {result['peak_mb']:.0f} MB of memory"
    return result


def count_rows(folder):
    """Rows of all tables: lines of texts without their header, and what Parquet files say."""
    rows = 0
    for file in folder.iterdir():
        if file.suffix == ".csv":
            with open(file, "rb") as f:
                rows += sum(block.count(b"\n") for block in iter(lambda: f.read(1 << 24), b"")) - 1
        elif file.suffix == ".parquet" and file.stem not in ("truth", "errors"):
            import pyarrow.parquet
            rows += pyarrow.parquet.ParquetFile(file).metadata.num_rows
    return rows


# --- the peers' works ------------------------------------------------------------------------------------------------------------------------------------------

def with_peers(a, name, work):
    """One of the peers' works by all of them and by us. Each gets a runner of its own: a runner that has compared results is large, and Linux counts a
    process's memory from before it became another program."""
    runner = a.peer_scripts / "run.py"
    if not runner.exists():
        raise Absent(f"{runner} is not there: --peer-scripts names the folder that holds the peers' run.py")
    script = HERE / name / "run.sh"
    if not script.exists():
        raise Absent(f"{script} is not there")
    if subprocess.run([sys.executable, "-c", "import duckdb, polars, psutil, pyarrow"], capture_output=True).returncode:
        raise Absent(f"{sys.executable} lacks what the runner needs: pip install -r {a.peer_scripts / 'requirements.txt'}")
    kind, generator = {"W1": ("wide", "gen_wide.py"), "W2": ("star", "gen_star.py")}[work]
    root = a.out / f"data-{a.seed}"
    data = root / f"{kind}-{a.rows}"
    if not (data / "meta.json").exists() and not a.tables_only:
        subprocess.run([sys.executable, a.peer_scripts / generator, "--rows", str(a.rows), "--seed", str(a.seed), "--out", str(data)], check=True)

    def one(who):
        file = a.out / f"{name}-{who}.raw.json"
        command = [sys.executable, str(runner), "--work", work, "--rows", str(a.rows), "--data-root", str(root), "--repeat", str(a.repeat), "--limit", str(a.limit), "--json", str(file)]
        command += ["--peers", "none", "--cmd", f"tidemill={script} {{data}} {{out}}"] if who == "tidemill" else ["--peers", who]
        file.unlink(missing_ok=True)
        # The runner looks for its peers from its own folder; nothing of it is written there.
        done = subprocess.run(command, env={**os.environ, "TIDEMILL": a.tidemill, "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True)
        if not file.exists():
            return {"error": (done.stderr or done.stdout)[-800:], "told": "failed"}
        result = json.loads(file.read_text())["peers"][who]
        file.unlink()
        walls = sorted(result.get("walls_s", []))
        if result["exit"] == 0 and walls:
            result["wall_median_s"] = median(walls)
        result["told"] = "failed" if result.get("error") else f"{result.get('wall_median_s', 0):.2f} s, {result['cpu_s']} s of CPU, {result['peak_rss_mb']} MB"
        return result
    found = {who: noted(a, f"{name}-{who}", lambda who=who: one(who)) for who in [*a.peers, "tidemill"]}
    return {"who": agreement(a, found), "meta": {k: v for k, v in json.loads((data / "meta.json").read_text()).items() if k != "errors"}}


def agreement(a, found):
    """Each one's checks against those of the first that has any."""
    sys.path.insert(0, str(a.peer_scripts))
    sys.dont_write_bytecode = True
    import verify
    reference = next((r["checks"] for r in found.values() if r.get("checks")), None)
    for result in found.values():
        if reference and result.get("checks"):
            result["differs"], result["compared"] = verify.compare(reference, result["checks"])
    return found


# --- memory against disk ---------------------------------------------------------------------------------------------------------------------------------------

def memory(a):
    """`tidemill bench cache` in a project of ours, on data that is made for it; its JSON is kept as it is."""
    if subprocess.run([a.tidemill, "bench", "cache", "--help"], capture_output=True).returncode:
        raise Absent("this binary has no `tidemill bench cache`")
    kind = a.project or ("shop" if (PROJECTS / "shop").exists() else "orders")
    if not (PROJECTS / kind / "tidemill.toml").exists():
        raise Absent(f"there is no project {PROJECTS / kind}")
    return noted(a, f"memory-{kind}", lambda: ask_in_memory(a, kind))


def ask_in_memory(a, kind):
    project, file, log = a.out / f"project-{kind}", a.out / f"cache-{kind}.json", a.out / "cache.log"
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(PROJECTS / kind, project, ignore=shutil.ignore_patterns("lake", "data", "truth", "out"))
    steps = [
        ["generate", kind, "--rows", str(a.rows), "--seed", str(a.seed), "--out", str(project / "data"), "--quiet"],
        ["-C", str(project), "run", "--quiet"],
        ["-C", str(project), "--set", f"engine.cache={a.cache}", "bench", "cache", "--repeat", str(a.repeat), "--json", str(file), "--html", str(file.with_suffix(".html"))],
    ]
    try:
        for step in steps:
            took = measure([a.tidemill, *step], log=log, limit_s=a.limit, cwd=a.out)
            if took["exit"] != 0:
                return {"error": f"tidemill {' '.join(step)}: {log.read_text(errors='replace')[-600:]}", "told": "failed"}
    finally:
        shutil.rmtree(project, ignore_errors=True)
    return {"kind": kind, "process": took, "report": json.loads(file.read_text()), "told": f"{took['wall_s']:.1f} s"}


if __name__ == "__main__":
    main()
