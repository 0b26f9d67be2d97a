"""The page for people who decide, from results.json. Every number and every judgement in it is worked out here from the runs; nothing is typed in."""
import statistics
from pathlib import Path

from charts import bars, esc, figure, lines, matrix, table

NAMES = {"tidemill": "Tidemill", "pandas": "pandas", "postgres-sets": "PostgreSQL, in bulk", "postgres-rows": "PostgreSQL, row by row",
         "postgres-rows-memory": "row by row, lookups kept"}
LONG = {"tidemill": "Tidemill", "pandas": "A careful pandas script", "postgres-sets": "PostgreSQL in bulk, as an expert writes it",
        "postgres-rows": "The nightly script: PostgreSQL row by row"}
AT_ONCE_S, SHORT_S = 2, 60
TIMES = [(0.01, "0.01 s"), (0.1, "0.1 s"), (1, "1 s"), (10, "10 s"), (60, "1 min"), (600, "10 min"), (3600, "1 h"), (36000, "10 h")]


def points(results):
    """One entry per way, size and number of cores: medians of the runs, or how it ended."""
    groups = {}
    for run in results["runs"]:
        groups.setdefault((run["rows"], run["way"], run["cores"]), []).append(run)
    found = []
    for (rows, way, cores), runs in groups.items():
        done = [run for run in runs if run["outcome"] == "finished"]
        count = results["data"][str(rows)]["lines"]
        point = {"rows": rows, "way": way, "cores": cores, "runs": len(runs), "lines": count, "outcome": "finished" if done else runs[-1]["outcome"]}
        if done:
            for key in ("wall_s", "cpu_s", "peak_mb"):
                point[key] = statistics.median(run[key] for run in done)
            point["peak_mb"] = round(point["peak_mb"])
            point["rows_per_s"] = count / point["wall_s"]
        else:
            point |= {key: runs[-1].get(key) for key in ("wall_s", "cpu_s", "peak_mb", "at_row", "stage", "at_s")}
            at, seconds = point.get("at_row"), point.get("at_s") or point["wall_s"]
            if point["outcome"] == "stopped" and at and point["stage"] == "rows":
                point["rows_per_s"] = at / seconds
                point["estimate_s"] = count / point["rows_per_s"]
        found.append(point)
    return found


class Report:
    def __init__(self, results):
        self.r, self.sizes, self.ways = results, results["sizes"], results["ways"]
        self.cores = results["machine"]["cores"]
        self.price, self.currency = results["options"]["price"], results["options"]["currency"]
        self.all = {(p["way"], p["rows"], p["cores"]): p for p in points(results)}
        # The size that the headline speaks of: the largest one that every way finished, of those up to a million if there are such.
        common = [s for s in self.sizes if all((self.at(w, s) or {}).get("outcome") == "finished" for w in self.ways)] or self.sizes[:1]
        self.size = max([s for s in common if s <= 1_000_000] or common)

    def at(self, way, rows, cores=None):
        return self.all.get((way, rows, cores or self.cores))

    def done(self, way, rows, cores=None):
        point = self.at(way, rows, cores)
        return point if point and point["outcome"] == "finished" else None

    def cost(self, point):
        """Of a million rows: the machine is paid for while it is kept."""
        return self.price * point["cores"] * point["wall_s"] / 3600 * 1e6 / point["lines"]

    def money(self, amount):
        if self.currency not in "€$" or amount >= 0.995:
            return f"{self.currency}{amount:,.2f}" if amount >= 0.1 else f"{self.currency}{amount:.2g}"
        cents = amount * 100
        return "1 cent" if round(cents, 3) == 1 else f"{cents:.0f} cents" if cents >= 9.5 else f"{cents:.2g} cents" if cents >= 0.001 else "less than 0.001 cents"


def html(results):
    report = Report(results)
    style = (Path(__file__).parent / "page.css").read_text()
    body = "".join(part(report) for part in (top, wait, enough, speed, work, memory, scaling, cost, cautions, method))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cleaning a night's orders: what it takes</title>
<style>
{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def top(r):
    rivals = [w for w in r.ways if w != "tidemill"]
    slowest = max(rivals, key=lambda w: r.done(w, r.size)["wall_s"], default=None) if all(r.done(w, r.size) for w in rivals) else None
    mine = r.done("tidemill", r.size)
    title = "Cleaning a night's orders: what it takes"
    if mine and slowest:
        title = f"{amount(r.size)} messy orders, cleaned in {took(mine['wall_s'])} instead of {took(r.done(slowest, r.size)['wall_s'])}"
        if r.done(slowest, r.size)["wall_s"] < 1.5 * mine["wall_s"]:
            title = f"{amount(r.size)} messy orders: {took(mine['wall_s'])} with Tidemill, {took(r.done(slowest, r.size)['wall_s'])} at most otherwise"
    cards = ""
    for way in sorted(r.ways, key=lambda w: (r.done(w, r.size) or {"wall_s": 9e9})["wall_s"]):
        point = r.done(way, r.size)
        words = f"{point['rows_per_s']:,.0f} rows a second" if point else ""
        if point and mine and way != "tidemill":
            words = ratio(point["wall_s"] / mine["wall_s"])
        cards += (f'<li class="{way}"><span class="who">{esc(NAMES[way])}</span><span class="figure">{took(point["wall_s"]) if point else "–"}</span>'
                  f'<span class="more">{words}</span></li>')
    skipped = "".join(f'<p class="note">Not part of this run: {esc(NAMES[w])}, because {esc(why)}.</p>' for w, why in r.r["skipped"].items())
    return f"""<p class="kicker">For those who decide about time and money</p>
<h1>{esc(title)}</h1>
<p class="lead">A file of orders arrives each night: names misspelt, dates in six notations, broken lines, rows that come twice. It must become one clean table and
the month's sales. {number_word(len(r.ways))} ways of doing this were given the same files on the same machine, and had to come to the same result.</p>
<ul class="cards" aria-label="Time for {r.size:,} rows">{cards}</ul>
<p class="note">{r.size:,} orders ({mega(r, r.size)}), {r.cores} cores; {runs(r)}.</p>{skipped}
{in_short(r)}"""


def runs(r):
    return "one run of each" if r.r["options"]["repeat"] == 1 else f"median of {r.r['options']['repeat']} runs"


def in_short(r):
    told = []
    mine = r.done("tidemill", r.size)
    agree = [len(names) for ways in r.r["differences"].values() for names in ways.values()]
    if agree and not any(agree):
        told.append(("The same result, whichever way.", "Wherever a way finished, its result was compared with the others': every cell of every row, the sums, the monthly sales. "
                     "They are equal. So this is about time and effort, not about quality."))
    elif any(agree):
        told.append(("The results are not equal.", "See the table at the end; figures of ways that differ can't be compared."))
    small = [s for s in r.sizes if all((p := r.done(w, s)) and p["wall_s"] <= AT_ONCE_S for w in r.ways)]
    if small:
        told.append((f"With {amount(max(small)).lower()} orders a night, leave things as they are.",
                     f"Every way takes less than {AT_ONCE_S} seconds there. A script that works, and that somebody understands, is worth more than a second."))
    stopped = [(w, s) for s in r.sizes for w in r.ways if (p := r.at(w, s)) and p["outcome"] == "stopped"]
    if "postgres-rows" in r.ways and mine and (old := r.done("postgres-rows", r.size)):
        more = ""
        if ("postgres-rows", max(r.sizes)) in stopped:
            p = r.at("postgres-rows", max(r.sizes))
            more = f" With {amount(max(r.sizes)).lower()} it was stopped after {took(p['wall_s'])}, at row {p['at_row'] or 0:,}." if p["stage"] == "rows" else ""
        told.append((f"Row by row is what costs: {times(old['wall_s'] / mine['wall_s'])} the time of Tidemill.",
                     "Not because PostgreSQL is slow, but because every row is a conversation with it: look up the country, look up the category, insert." + more))
    if (sets := r.done("postgres-sets", r.size)) and mine:
        old = r.done("postgres-rows", r.size)
        gain = f" It is {times(old['wall_s'] / sets['wall_s'])} as fast as the row-by-row script," if old else " It"
        told.append(("The cheapest improvement needs nothing new.",
                     f"The same database, asked in bulk by somebody who knows it, takes {took(sets['wall_s'])}.{gain} and "
                     f"{'' if sets['wall_s'] < 1.5 * mine['wall_s'] else times(sets['wall_s'] / mine['wall_s']) + ' the time of '}"
                     f"{'about as fast as ' if sets['wall_s'] < 1.5 * mine['wall_s'] else ''}Tidemill. If your data must end in PostgreSQL anyway, begin there."))
    if mine and r.ways:
        dear = max((p for w in r.ways if (p := r.done(w, r.size))), key=lambda p: p["wall_s"])
        year = r.cost(dear) * dear["lines"] / 1e6 * 365
        told.append((f"The machine is small change{' either way' if year < 100 else ''}; the waiting is not.",
                     f"At {r.money(r.price)} for a core-hour, a year of nights with {amount(r.size).lower()} orders costs {r.money(year)} the slowest way and "
                     f"{r.money(r.cost(mine) * mine['lines'] / 1e6 * 365)} with Tidemill. What counts is whether the figures are there in the morning, and how often a day they can be "
                     "made anew when something was wrong."))
    return '<ul class="points">' + "".join(f"<li><b>{esc(a)}</b>{esc(b)}</li>" for a, b in told) + "</ul>"


def wait(r):
    series = {w: [(s, p["wall_s"], p["outcome"]) for s in r.sizes if (p := r.at(w, s)) and p["outcome"] != "failed"] for w in r.ways}
    values = [v for line in series.values() for _, v, _ in line]
    limit = r.r["options"]["limit"]
    stopped = any(how != "finished" for line in series.values() for _, _, how in line)
    ticks = around(TIMES, values)
    head = ["Way", *[f"{s:,} rows" for s in r.sizes]]
    rows = [[esc(NAMES[w]), *[ending(r, w, s) for s in r.sizes]] for w in r.ways]
    note = ("Each line across stands for six to ten times the time of the one below it. " + (f"* A hollow mark: stopped after {took(limit)}, so the true time is longer; how much longer was not measured." if stopped else ""))
    return f"<h2>How long one waits</h2>\n<p>{wait_words(r)}</p>" + figure(
        "time", "Time from the file to the finished tables", "Seconds by number of rows, one line per way; lower is better. " + say(r, "wall_s", took), lines(
            series, r.sizes, size_label, ticks, NAMES, (limit, f"stopped after {took(limit)}") if stopped else None), head, rows, note)


def wait_words(r):
    first, last = r.sizes[0], r.sizes[-1]
    out = []
    a, b = r.done("tidemill", first), r.done("tidemill", last)
    if a and b and last > first:
        out.append(f"Tidemill needs {took(a['wall_s'])} to get going, whatever the file; after that it grows with the file, to {took(b['wall_s'])} for {amount(last).lower()} rows.")
    quick = [w for w in r.ways if w != "tidemill" and (p := r.done(w, first)) and a and p["wall_s"] < a["wall_s"]]
    if quick:
        out.append(f"With {first:,} rows it is not the first: {joined([NAMES[w] for w in quick])} {'is' if len(quick) == 1 else 'are'} done before it.")
    return " ".join(out) or "From the start of the program to the moment when the tables can be asked."


def enough(r):
    def cell(way, size):
        p = r.at(way, size)
        if p is None:
            return "none", "–", "not run"
        if p["outcome"] == "failed":
            return "stopped", "failed", "see the table"
        if p["outcome"] == "stopped":
            return "stopped", "stopped", f"at row {amount_short(p['at_row'])}" if p["at_row"] and p["stage"] == "rows" else f"after {took(p['wall_s'])}"
        s = p["wall_s"]
        return ("at-once", "at once", took(s)) if s <= AT_ONCE_S else ("short", "a short wait", took(s)) if s <= SHORT_S else ("long", "a long wait", took(s))
    told = []
    for way in r.ways:
        fine = [s for s in r.sizes if (p := r.done(way, s)) and p["wall_s"] <= AT_ONCE_S]
        fair = [s for s in r.sizes if (p := r.done(way, s)) and p["wall_s"] <= SHORT_S]
        told.append([esc(NAMES[way]), f"{max(fine):,}" if fine else "–", f"{max(fair):,}" if fair else "–"])
    parts = {"postgres-rows": "A database that is there already and a script of one page: nothing new to learn, and rows are in their place as soon as they are written. While everything happens "
             "at once, nothing is gained by another way.",
             "postgres-sets": "The same database, statements instead of a loop. It asks for somebody who writes such SQL with ease, and who notices that <code>to_date('2024-00-17')</code> is "
             "the seventeenth of January there, without a word.",
             "pandas": "Best for a file that one person looks at once. It holds everything in memory, several times over, and a quote that nothing closes makes it swallow lines unless one guards against it; "
             "this script does."}
    reasons = "".join(f"<h3>{esc(NAMES[w])}</h3><p>{parts[w]}</p>" for w in ("postgres-rows", "postgres-sets", "pandas") if w in r.ways)
    return f"""<h2>When the old way is good enough</h2>
<p>Up to {AT_ONCE_S} seconds nobody notices. Up to a minute nobody minds, at night. Beyond that, a failed night becomes a late morning: whatever went wrong, it is the same wait again.</p>
""" + figure("enough", "What each way means for those who wait", "A field per way and size, with the time it took.",
             matrix(r.ways, r.sizes, cell, NAMES, size_label), ["Way", f"at once (≤ {AT_ONCE_S} s) up to", f"within {SHORT_S} s up to"], told,
             "Sizes in between were not tried: where one colour ends lies somewhere between two columns.") + reasons


def speed(r):
    series = {w: [(s, p["rows_per_s"], p["outcome"]) for s in r.sizes if (p := r.at(w, s)) and p.get("rows_per_s")] for w in r.ways}
    values = [v for line in series.values() for _, v, _ in line]
    ticks = around([(10 ** k, f"{10 ** k:,}" if k < 6 else f"{10 ** (k - 6)} M") for k in range(0, 9)], values)
    rows = [[esc(NAMES[w]), *[f"{p['rows_per_s']:,.0f}{'' if p['outcome'] == 'finished' else ' *'}" if (p := r.at(w, s)) and p.get("rows_per_s") else "–" for s in r.sizes]] for w in r.ways]
    return "<h2>Rows a second</h2>\n<p>The same times seen the other way round. A line that goes up pays off a fixed start; a line that is level has found its pace.</p>" + figure(
        "rows", "Rows of the file dealt with in a second", "Rows per second by number of rows; higher is better. " + say(r, "rows_per_s", lambda v: f"{v:,.0f}"),
        lines(series, r.sizes, size_label, ticks, NAMES), ["Way", *[f"{s:,} rows" for s in r.sizes]], rows,
        "* Hollow: the pace until it was stopped." if any(how != "finished" for line in series.values() for _, _, how in line) else "")


def work(r):
    series = {w: [(s, p["cpu_s"], "finished") for s in r.sizes if (p := r.done(w, s))] for w in r.ways}
    ticks = around(TIMES, [v for line in series.values() for _, v, _ in line])
    rows = [[esc(NAMES[w]), *[f"{p['cpu_s']:,.2f}" if (p := r.done(w, s)) else "–" for s in r.sizes]] for w in r.ways]
    return "<h2>How much the processors work</h2>\n<p>Processor seconds, of the program and of the database server together. This is what is taken from others on the same machine, and what the electricity " \
        "bill knows.</p>" + figure("cpu", "Processor time", "CPU seconds by number of rows; lower is better. " + say(r, "cpu_s", took), lines(series, r.sizes, size_label, ticks, NAMES),
                                  ["CPU seconds", *[f"{s:,} rows" for s in r.sizes]], rows, "Only runs that finished.")


def memory(r):
    series = {w: [(s, max(1, p["peak_mb"]), "finished") for s in r.sizes if (p := r.done(w, s))] for w in r.ways}
    ticks = around([(10, "10 MB"), (30, "30 MB"), (100, "100 MB"), (300, "300 MB"), (1000, "1 GB"), (3000, "3 GB"), (10000, "10 GB"), (30000, "30 GB"), (100000, "100 GB")],
                   [v for line in series.values() for _, v, _ in line])
    rows = [[esc(NAMES[w]), *[f"{p['peak_mb']:,}" if (p := r.done(w, s)) else "–" for s in r.sizes]] for w in r.ways]
    last = max((s for s in r.sizes if r.done("tidemill", s) and r.done("pandas", s)), default=None)
    words = "The most that was held at any moment. Memory decides what kind of machine is needed, and whether a larger file still goes through."
    if last:
        a, b = r.done("tidemill", last)["peak_mb"], r.done("pandas", last)["peak_mb"]
        words += f" With {amount(last).lower()} rows pandas holds {size_mb(b)}, Tidemill {size_mb(a)}."
    return f"<h2>How much memory it takes</h2>\n<p>{words}</p>" + figure(
        "memory", "Greatest memory in use", "Megabytes by number of rows; lower is better. " + say(r, "peak_mb", size_mb), lines(series, r.sizes, size_label, ticks, NAMES),
        ["MB", *[f"{s:,} rows" for s in r.sizes]], rows, "With the database server's own memory (up to 1 GB of it is its cache, as set). Only runs that finished.")


def scaling(r):
    size = r.r["options"]["scaling_rows"]
    counts = sorted({c for (w, s, c) in r.all if s == size})
    if len(counts) < 2:
        return ""
    groups, rows = [], []
    for way in r.ways:
        items = []
        for c in counts:
            p = r.at(way, size, c)
            if not p:
                continue
            one = r.done(way, size, counts[0])
            gain = f" · {one['wall_s'] / p['wall_s']:.2f} ×" if one and p["outcome"] == "finished" and c != counts[0] else ""
            items.append((way, p["wall_s"] if p["outcome"] == "finished" else None, took(p["wall_s"]) + gain if p["outcome"] == "finished" else p["outcome"], plural(c, "core")))
            rows.append([f"{esc(NAMES[way])}, {plural(c, 'core')}", f"{p['wall_s']:.2f}" if p["outcome"] == "finished" else p["outcome"],
                         f"{p['cpu_s']:.2f}" if p["outcome"] == "finished" else "–", gain.strip(" ·") or "–"])
        groups.append((NAMES[way], items))
    return f"""<h2>What another core brings</h2>
<p>A way that shares its work out gets faster with each core; one that does a thing after the other does not, whatever machine is bought for it. Row by row, script and server take turns, so that a second core has little to do.</p>""" + figure(
        "cores", f"Time for {size:,} rows by number of cores", "Bars of seconds per way and number of cores; shorter is better.", bars_log_free(groups), ["Way", "seconds", "CPU seconds", "faster by"], rows,
        f"The machine has {plural(r.cores, 'core')}; more could not be tried. Bars of each way have their own scale.")


def bars_log_free(groups):
    """Bars whose scale is that of their own group: what matters is one core against two, not one way against another."""
    scaled = []
    for heading, items in groups:
        greatest = max((v for _, v, _, _ in items if v), default=1)
        scaled.append((heading, [(w, None if v is None else v / greatest, words, note) for w, v, words, note in items]))
    return bars(scaled, NAMES)


def cost(r):
    per_size = {s: [(w, r.cost(p)) for w in r.ways if (p := r.done(w, s))] for s in r.sizes}
    items = [(w, c, r.money(c), "") for w, c in sorted(per_size[r.size], key=lambda x: x[1])]
    rows = [[esc(NAMES[w]), *[r.money(r.cost(p)) if (p := r.done(w, s)) else "–" for s in r.sizes],
             *[r.money(r.cost(p) * p["lines"] / 1e6 * 365) if (p := r.done(w, s)) else "–" for s in r.sizes]] for w in r.ways]
    head = ["Way", *[f"a million rows, in files of {amount_short(s)}" for s in r.sizes], *[f"a year of nights with {amount_short(s)}" for s in r.sizes]]
    example = r.done("tidemill", r.size)
    shown = ""
    if example:
        shown = (f"<br>For Tidemill at {r.size:,} rows: {r.money(r.price)} × {r.cores} × {example['wall_s']:.2f} s ÷ 3600 × 1,000,000 ÷ {example['lines']:,} = {r.money(r.cost(example))}.")
    return f"""<h2>What a million rows cost</h2>
<p>A machine is paid for by the hour and by the core, whether its cores are busy or not.</p>
<p class="formula">cost = price of a core-hour × cores kept × hours ÷ millions of rows{shown}</p>""" + figure(
        "cost", f"Machine cost of one million rows ({r.money(r.price)} a core-hour, files of {r.size:,} rows)", "Bars of cost per way; shorter is better. " +
        "; ".join(f"{NAMES[w]} {r.money(c)}" for w, c in per_size[r.size]), bars([("", items)], NAMES), head, rows,
        f"{r.money(r.price)} is an assumption: costs follow your own price in proportion. Only runs that finished. People's time, by far the dearest part, is not in it.")


def cautions(r):
    return """<h2>What these figures do not say</h2>
<ul class="plain">
<li>Writing, understanding and mending the rules costs more than any machine. In Tidemill they are a list in a file; in the others they are a program, or a page of SQL.</li>
<li>PostgreSQL does what the others don't: many people change and ask the data at once. Tidemill writes files (Delta tables) that many programs read; if an application needs the rows in PostgreSQL, they have to get there.</li>
<li>Only Tidemill and PostgreSQL make sure that what they have written survives a power cut. pandas leaves that to chance; it is not charged for it here.</li>
<li>The database server was new and empty, on the same machine, and reached without a network. A server that is busy, full or elsewhere is slower; starting it is not counted.</li>
<li>All of the file is read each night. Where only new rows arrive, every way has less to do.</li>
<li>The orders are made up, with damage of known kinds at known rates. Yours will be damaged in other ways.</li>
</ul>
"""


def method(r):
    o, m, v = r.r["options"], r.r["machine"], r.r["versions"]
    agree = [[esc(NAMES[w]), *[compared(r, w, s) for s in r.sizes]] for w in r.ways]
    extra = ""
    if (vary := r.done("postgres-rows-memory", o["variation_rows"])) and (plain := r.done("postgres-rows", o["variation_rows"])):
        extra = (f" With {o['variation_rows']:,} rows, keeping the lookups in the script's memory instead brings it from {took(plain['wall_s'])} to {took(vary['wall_s'])}.")
    software = ", ".join(f"{name} {version}" for name, version in v.items())
    data = "; ".join(f"{s:,} rows: {r.r['data'][str(s)]['lines']:,} lines, {mega(r, s)}" for s in r.sizes)
    ways = "".join(f"<li><b>{esc(LONG[w])}.</b> {words}</li>" for w, words in {
        "tidemill": "A project of one table file with the rules above and one view; <code>tidemill run</code> on an empty project.",
        "pandas": "Whole columns at a time; typos and dates worked out once per distinct text; everything in memory; Parquet out.",
        "postgres-sets": "Broken lines are taken out on the way in, the rest goes in by COPY; eight steps of SQL over all rows, typos and dates worked out once per distinct text.",
        "postgres-rows": f"Python reads a line, checks it, asks the database for the country and the category, inserts unless the key is there; commits every 1,000 rows; then fills missing ages and adds up the sales.{extra}",
    }.items() if w in r.ways)
    return f"""<h2>How this was measured</h2>
<h3>The work</h3>
<ol class="rules">
<li>A line with other than 15 fields, an unclosed quote, or a number that is none is set aside with its reason. “15,99” is set aside too: it may be 15.99 or 1,599. “$12.50”, “12.50 EUR” and “1,250.00” are understood.</li>
<li>Days in six notations; what is no day (30 February) is missing. “N/A”, “NULL”, “-”, “unknown”, “?” and “nan” mean missing.</li>
<li>One row per key, the first one.</li>
<li>Country and category become the nearest right spelling, within two slips of the keys; otherwise “Unknown”.</li>
<li>Impossible ages, quantities, prices and amounts are missing; a missing quantity is 1, a missing amount is quantity × price.</li>
<li>A missing age is the median age; three age groups.</li>
<li>Orders, pieces and sales per month and category.</li>
</ol>
<h3>The ways</h3>
<ul class="plain">{ways}</ul>
<h3>What counts</h3>
<p>Time: from the start of the program until its results are stored. Processor time and memory: of all its processes and of the database server (shared memory counted once, looked at ten times a second).
{runs(r).capitalize()}; what takes longer than {took(o['repeat_below'])} was run once. Each run begins with nothing but the file, which has been read once before. Whatever takes longer than {took(o['limit'])} is
stopped and said to be so; where an estimate of its full time is given, it is marked as one: the pace so far, carried on.</p>
<h3>Results compared</h3>
<p>Number of rows, rows set aside, a checksum over every cell of every row, sums, groups, monthly sales: read from what each way left behind, not from its own report.</p>
{table(["Way", *[f"{s:,} rows" for s in r.sizes]], agree)}
<h3>Data</h3>
<p>Made by <code>tidemill generate orders --seed {o['seed']} --errors {esc(o['errors'])}</code>. {esc(data)}.</p>
<h3>Machine and versions</h3>
<p>{esc(m['cpu'])}, {plural(m['cores'], 'core')}, {m['memory_gb']} GB of memory, {esc(m['system'])}. {esc(software)}.</p>
<h3>Again, on your machine</h3>
<pre><code>cargo build --release
pip install -r bench/decide/requirements.txt
python bench/decide/decide.py --tidemill target/release/tidemill --rows {','.join(map(str, r.sizes))} --price {r.price} --out /tmp/decide</code></pre>
<footer>Made {esc(r.r['made'][:10])}. Times of other machines differ; the ratios between the ways differ less.</footer>"""


def ending(r, way, size):
    p = r.at(way, size)
    if p is None:
        return "–"
    if p["outcome"] == "finished":
        return took(p["wall_s"])
    if p["outcome"] == "failed":
        return "failed"
    guess = f"<br>(at that pace {took(p['estimate_s'])}: an estimate, not measured)" if p.get("estimate_s") else ""
    at = f", at row {p['at_row']:,}" if p["at_row"] and p["stage"] == "rows" else f", {esc(p['stage'])}" if p["stage"] else ""
    return f"stopped after {took(p['wall_s'])}{at}{guess}"


def compared(r, way, size):
    p, names = r.at(way, size), r.r["differences"].get(str(size), {}).get(way)
    if names is None:
        return "–" if p is None else p["outcome"]
    return f"{'equal' if not names else 'differs: ' + esc(', '.join(names))} ({plural(p['runs'], 'run')})"


def say(r, key, words):
    """The largest finished size of each way in words, for those who hear the page."""
    said = []
    for way in r.ways:
        last = [p for s in r.sizes if (p := r.done(way, s))]
        if last:
            said.append(f"{NAMES[way]}: {words(last[-1][key])} at {last[-1]['rows']:,} rows")
    return "; ".join(said) + "."


def around(ticks, values):
    """The ticks from the last one below all values to the first one above them."""
    low, high = (min(values), max(values)) if values else (ticks[0][0], ticks[-1][0])
    first = max([i for i, (v, _) in enumerate(ticks) if v <= low], default=0)
    last = min([i for i, (v, _) in enumerate(ticks) if v >= high], default=len(ticks) - 1)
    return ticks[first:max(last, first + 1) + 1]


def took(seconds):
    if seconds < 1:
        return f"{seconds:.2f}\u00a0s"
    if seconds < 99.5:
        return f"{seconds:.1f}\u00a0s" if seconds < 9.95 else f"{seconds:.0f}\u00a0s"
    if seconds < 5400:
        minutes = seconds / 60
        return f"{minutes:.0f}\u00a0min" if abs(minutes - round(minutes)) < 0.05 or minutes >= 20 else f"{minutes:.1f}\u00a0min"
    return f"{seconds / 3600:.1f}\u00a0h"


def ratio(x):
    return f"{times(x)} as long" if x >= 1.05 else f"{x:.2f} of the time" if x < 0.95 else "as long"


def times(x):
    return f"{x:,.0f} times" if x >= 9.5 else f"{x:.1f} times"


def amount(n):
    words = {1_000: "A thousand", 10_000: "Ten thousand", 100_000: "A hundred thousand", 1_000_000: "A million", 10_000_000: "Ten million", 100_000_000: "A hundred million"}
    return words.get(n, f"{n:,}")


def amount_short(n):
    return f"{n / 1e6:.3g} M" if n >= 1_000_000 else f"{n / 1000:.3g} k" if n >= 1000 else f"{n:,}"


def size_label(n, narrow):
    return amount_short(n) if narrow else f"{n:,}"


def size_mb(mb):
    return f"{mb / 1000:.1f} GB" if mb >= 1000 else f"{mb:,.0f} MB"


def mega(r, size):
    b = r.r["data"][str(size)]["bytes"]
    return f"{b / 1e9:.2f} GB" if b >= 1e9 else f"{b / 1e6:,.0f} MB" if b >= 10e6 else f"{b / 1e6:.1f} MB"


def number_word(n):
    return {1: "One", 2: "Two", 3: "Three", 4: "Four"}.get(n, str(n))


def plural(n, word):
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def joined(words):
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
