"""Tables of a benchmark run as Markdown, ready for docs/benchmarks.md."""
import statistics
import tomllib

NAMES = {"tidemill": "Tidemill", "duckdb": "DuckDB", "polars": "Polars", "pandas": "pandas", "spark": "Spark", "sail": "Sail", "datafusion": "DataFusion"}


def markdown(results, bounds_file):
    bounds = tomllib.loads(bounds_file.read_text()) if bounds_file.exists() else {}
    m = results["machine"]
    out = [f"{results['rows']:,} rows, seed {results['seed']}, median of {results['repeat']} runs, {results['made'][:10]}. {m['cpu']}, {m['cores']} cores, {m['memory_gb']} GB of memory, "
           f"{m['system']}. " + ", ".join(f"{NAMES.get(k, k)} {v}" for k, v in results["versions"].items()) + ".", ""]
    write = {"generation": generation, "w1": w1, "w2": w2, "memory": memory}
    first = []
    for part, found in results["parts"].items():
        lines, rows = write[part](found, bounds.get(part, {}))
        out += [*lines, ""]
        first += rows
    if first:
        out += ["## Who is first, and what bounds it", "",
                *table(["", "Tidemill", "the best other", "", "the other against Tidemill", "what bounds it"], first), ""]
    return "\n".join(out)


def generation(found, bounds):
    rows, first = [], []
    for name, r in found.items():
        for who, x in (("Tidemill", r), *([(r["peer"]["who"], r["peer"])] if "peer" in r else [])):
            rows.append([f"{name}: {who}" if who != "Tidemill" else name, f"{x['lines']:,.0f}", f"{x['bytes'] / 1e6:,.0f}", seconds(x["wall_s"]), f"{x['rows_per_s'] / 1e6:.2f}",
                         f"{x['mb_per_s']:,.0f}", seconds(x["cpu_s"]), f"{x['peak_mb']:,.0f}", against(x["wall_s"], r["wall_s"])])
        if "peer" in r:
            first.append(place(f"generate {name}", r["wall_s"], {r["peer"]["who"]: r["peer"]["wall_s"]}, bounds.get(key(name))))
        else:
            first.append([f"generate {name}", f"{seconds(r['wall_s'])} s", "–", "", "–", bounds.get(key(name)) or "–"])
    return ["## Generation", "", *table(["", "rows", "MB", "wall s", "million rows/s", "MB/s", "CPU s", "peak memory MB", "wall against Tidemill"], rows)], first


def w1(found, bounds):
    ours, rows = found["who"]["tidemill"], []
    for who, r in by_time(found["who"]):
        rows.append([label(who, r), *took(r), agree(r), against(wall(r), wall(ours))])
    meta = found["meta"]
    head = f"{meta.get('bytes', 0) / 1e6:,.0f} MB of CSV, {meta.get('lines', 0):,} lines, seed {meta.get('seed')}."
    lines = ["## W1: cleaning a messy order file", "", head, "", *table(["", "wall s", "CPU s", "peak memory MB", "checks that agree", "wall against Tidemill"], rows)]
    return lines, [place("W1", wall(ours), {NAMES.get(w, w): wall(r) for w, r in found["who"].items() if w != "tidemill"}, bounds.get("w1"))]


def w2(found, bounds):
    lines, first = ["## W2: ten analytic queries", "", "Seconds of each query are those of the fastest run, as the runner gives them.", ""], []
    who = {w: r for w, r in sorted(by_time(found["who"]), key=lambda x: x[0] != "tidemill")}
    for passes, index, title in (("disk", 0, "From Parquet, first pass"), ("disk", 1, "From Parquet, second pass"), ("memory", 1, "From memory, second pass")):
        times = {w: r["report"][passes][index] for w, r in who.items() if len(r.get("report", {}).get(passes, [])) > index}
        queries = sorted({q for t in times.values() for q in t})
        if not queries:
            continue
        rows = [[q, *[f"{times[w][q]:.3f}" if q in times[w] else "–" for w in times]] for q in queries]
        rows.append(["sum", *[f"{sum(times[w].values()):.3f}" + ("" if len(times[w]) == len(queries) else f" ({len(times[w])} queries)") for w in times]])
        lines += [f"### {title}, seconds", "", *table(["", *[label(w, who[w]) for w in times]], rows), ""]
        if index == 1 and "tidemill" in times:
            for q in queries:
                others = {NAMES.get(w, w): t[q] for w, t in times.items() if q in t and w != "tidemill"}
                first.append(place(f"{q}, from {'memory' if passes == 'memory' else 'Parquet'}", times["tidemill"].get(q), others, bounds.get(f"{q.split('_')[0]}_{passes}")))
    ours = found["who"]["tidemill"]
    rows = [[label(w, r), *took(r), agree(r), against(wall(r), wall(ours))] for w, r in who.items()]
    lines += ["### Whole process", "", *table(["", "wall s", "CPU s", "peak memory MB", "checks that agree", "wall against Tidemill"], rows)]
    return lines, first


def memory(found, bounds):
    """What `tidemill bench cache` measured: medians, and how many times as fast memory is."""
    if found.get("error"):
        return ["## Memory against disk", "", "failed"], []
    report, rows = found["report"], []
    for q in report["questions"]:
        source, cold, warm, kept = (statistics.median(q[f"{way}_seconds"]) if q.get(f"{way}_seconds") else None for way in ("source", "cold", "warm", "memory"))
        rows.append([q["name"], f"{q['rows_read']:,}", *[seconds(t) for t in (source, cold, warm, kept)], *[against(t, kept) for t in (source, cold, warm)],
                     f"{q['rows_read'] / kept / 1e6:,.0f}" if kept else "–", bounds.get(q["name"]) or "–"])
    held = report["memory"]
    lines = ["## Memory against disk", "",
             f"`projects/{found['kind']}`: " + ", ".join(f"{t['name']} {t['rows']:,} rows" for t in report["tables"]) + f". {report['threads']} threads. Held: {held['bytes'] / 1e6:,.0f} MB of "
             f"{held['bytes_max'] / 1e6:,.0f}; hit rate {held['hit_rate']:.0%}, {held['evictions']} evictions, {held['refusals']} refusals.", "",
             *table(["", "rows read", "from its files, s", "lake, cold, s", "lake, warm, s", "memory, s", "memory over files", "over cold", "over warm", "million rows/s", "what bounds it"], rows)]
    return lines, []


def wrong(results):
    """Who failed, and whose results differ."""
    found = []
    for part in ("w1", "w2"):
        for who, r in results["parts"].get(part, {}).get("who", {}).items():
            if r.get("error"):
                found.append(f"{part}, {who} failed: {r['error'].strip()[-300:]}")
            if r.get("differs"):
                found.append(f"{part}, {who}: results differ in {', '.join(r['differs'])}")
    if error := results["parts"].get("memory", {}).get("error"):
        found.append(error.strip())
    return found


def place(row, ours, others, why):
    """A row of the table of who is first."""
    others = {who: t for who, t in others.items() if t}
    if not ours or not others:
        return [row, f"{seconds(ours)} s" if ours else "–", "–", "", "–", why or "–"]
    who, best = min(others.items(), key=lambda x: x[1])
    state = "first" if ours <= best else "**not first**"
    return [row, f"{seconds(ours)} s", f"{who} {seconds(best)} s", state, f"{best / ours:.2f}", why or "–"]


def by_time(who):
    return sorted(who.items(), key=lambda x: wall(x[1]) or 9e9)


def wall(r):
    return r.get("wall_median_s")


def took(r):
    return [seconds(wall(r)), seconds(r.get("cpu_s")), f"{r['peak_rss_mb']:,}"] if wall(r) else ["failed", "–", "–"]


def agree(r):
    return f"{r['compared'] - len(r['differs'])} of {r['compared']}" if "compared" in r else "–"


def label(who, r):
    version = r.get("report", {}).get("engine", "").split(" ")[-1]
    return f"{NAMES.get(who, who)} {version}".strip()


def against(theirs, ours):
    return f"{theirs / ours:.1f}" if theirs and ours else "–"


def seconds(value):
    return "–" if value is None else f"{value:.4f}" if value < 0.01 else f"{value:.3f}" if value < 1 else f"{value:.2f}"


def key(name):
    return name.replace(" ", "_")


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |", *["| " + " | ".join(str(c) for c in row) + " |" for row in rows]]
