"""Charts as SVG text: drawn twice, for a wide screen and for a phone, with a table behind each. No scripts; colours come from the page's style."""
import html
import itertools
import math

COUNT = itertools.count(1)


def figure(name, title, description, draw, head, rows, note=""):
    """A chart in both widths, and its figures as a table."""
    wide, narrow = draw(760), draw(360)
    return f"""<figure id="chart-{name}" class="chart">
<figcaption>{esc(title)}</figcaption>
{svg(wide, 760, title, description, "wide")}
{svg(narrow, 360, title, description, "narrow")}
{f'<p class="note">{note}</p>' if note else ''}
<details><summary>The figures as a table</summary>{table(head, rows)}</details>
</figure>"""


def svg(drawing, width, title, description, kind):
    body, height = drawing
    n = next(COUNT)
    return (f'<svg class="{kind}" viewBox="0 0 {width} {height:.0f}" role="img" aria-labelledby="t{n} d{n}"><title id="t{n}">{esc(title)}</title>'
            f'<desc id="d{n}">{esc(description)}</desc>{body}</svg>')


def table(head, rows):
    """Cells are HTML already."""
    cells = "".join(f'<th scope="col">{h}</th>' for h in head)
    lines = "".join("<tr>" + "".join(f'<th scope="row">{c}</th>' if i == 0 else f"<td>{c}</td>" for i, c in enumerate(row)) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table></div>'


def esc(text):
    return html.escape(str(text))


def text(x, y, words, cls="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{cls}" text-anchor="{anchor}">{esc(words)}</text>'


# Shapes differ as well as colours, for those who see colours otherwise and for paper.
def marker(way, x, y, hollow=False, size=5.5):
    cls = f"mark {way}" + (" hollow" if hollow else "")
    if way == "tidemill":
        return f'<circle class="{cls}" cx="{x:.1f}" cy="{y:.1f}" r="{size}"/>'
    corners = {
        "pandas": [(0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)],
        "postgres-sets": [(-.95, -.95), (.95, -.95), (.95, .95), (-.95, .95)],
    }.get(way, [(0, -1.2), (1.15, .9), (-1.15, .9)])
    return f'<polygon class="{cls}" points="{" ".join(f"{x + size * a:.1f},{y + size * b:.1f}" for a, b in corners)}"/>'


def lines(series, sizes, label_x, ticks, names, limit=None):
    """Lines over sizes, both axes logarithmic. `series`: way -> [(size, value, "finished" or what else)]; `ticks`: [(value, words)]; `limit`: (value, words)."""
    def draw(width):
        narrow = width < 500
        legend = 22 * math.ceil(len(series) / (1 if narrow else 4)) + 12
        left, right, top, height = 58, 14 if narrow else 186, (legend if narrow else 16), 300
        bottom, plot = top + height, width - left - right
        low, high = math.log10(ticks[0][0]), math.log10(ticks[-1][0])
        inset = 18
        place = [math.log10(size) for size in sizes]
        span = max(place) - min(place) or 1
        x = {size: left + inset + (at - min(place)) * (plot - 2 * inset) / span for size, at in zip(sizes, place)}

        def y(value):
            return bottom - (math.log10(max(value, ticks[0][0])) - low) / (high - low) * height
        out = []
        for value, words in ticks:
            out += [f'<line class="grid" x1="{left}" x2="{left + plot}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>', text(left - 8, y(value) + 4, words, "tick", "end")]
        for size in sizes:
            out.append(text(x[size], bottom + 22, label_x(size, narrow), "tick", "middle"))
        if limit:
            out += [f'<line class="limit" x1="{left}" x2="{left + plot}" y1="{y(limit[0]):.1f}" y2="{y(limit[0]):.1f}"/>',
                    text(left + 6, y(limit[0]) - 6, limit[1], "tick")]
        # Marks at the limit would hide each other: they stand side by side.
        crowd = {}
        for way, points in series.items():
            for size, value, how in points:
                if how != "finished" and limit:
                    crowd.setdefault(size, []).append(way)
        aside = {(way, size): 15 * (i - len(group) + 1) for size, group in crowd.items() for i, way in enumerate(sorted(group, key=list(series).index))}
        ends = []
        for way, points in series.items():
            if not points:
                continue
            at = {size: x[size] + aside.get((way, size), 0) for size, _, _ in points}
            for (s1, v1, _), (s2, v2, how) in zip(points, points[1:]):
                cls = "line" if how == "finished" else "line unsure"
                out.append(f'<line class="{cls} {way}" x1="{at[s1]:.1f}" y1="{y(v1):.1f}" x2="{at[s2]:.1f}" y2="{y(v2):.1f}"/>')
            for size, value, how in points:
                out.append(f'<g><title>{esc(names[way])}, {size:,} rows</title>{marker(way, at[size], y(value), how != "finished")}</g>')
            size, value, how = points[-1]
            ends.append([y(value), way, names[way] + ("" if how == "finished" else " *"), at[size], y(value)])
        if narrow:
            out += [legend_row(way, names[way], 4, 14 + 22 * i) for i, way in enumerate(series)]
        else:
            out += labels_at_ends(ends, left + plot + 6, top, bottom)
        return "".join(out), bottom + 34
    return draw


def legend_row(way, name, x, y):
    return marker(way, x + 8, y - 4) + text(x + 22, y, name, "label")


def labels_at_ends(ends, x, top, bottom):
    """Names beside the last point of each line, moved apart where they would cover each other."""
    ends.sort()
    for _ in range(50):
        for a, b in zip(ends, ends[1:]):
            if b[0] - a[0] < 20:
                middle = (a[0] + b[0]) / 2
                a[0], b[0] = middle - 10, middle + 10
    shift = max(0, max((e[0] for e in ends), default=0) - bottom)
    out = []
    for at, way, name, last_x, last_y in ends:
        if x - last_x > 40:     # the line ends early: a thread leads from its end to its name
            out.append(f'<line class="thread" x1="{last_x + 9:.1f}" y1="{last_y:.1f}" x2="{x - 2:.1f}" y2="{at - shift:.1f}"/>')
        out.append(marker(way, x + 6, at - shift, size=4.5) + text(x + 16, at - shift + 4.5, name, "label"))
    return out


def bars(groups, names):
    """Horizontal bars. `groups`: [(heading or "", [(way, value, words, note)])]; a value of None draws no bar, only the words."""
    greatest = max((v for _, items in groups for _, v, _, _ in items if v), default=1)

    def draw(width):
        narrow = width < 500
        left, right = (8, 96) if narrow else (190, 150)
        step, y, out = (44 if narrow else 32), 8, []
        for heading, items in groups:
            if heading:
                out.append(text(8, y + 14, heading, "heading"))
                y += 26
            for way, value, words, note in items:
                if narrow:
                    out.append(text(left, y + 13, note or names[way], "label"))
                else:
                    out.append(text(left - 12, y + 19, note or names[way], "label", "end"))
                top, thick = (y + 19, 16) if narrow else (y + 5, 20)
                length = 0 if value is None else max(2, value / greatest * (width - left - right))
                if value is not None:
                    out.append(f'<rect class="bar {way}" x="{left}" y="{top}" width="{length:.1f}" height="{thick}" rx="3"/>')
                out.append(text(left + length + 8, top + thick - 4, words, "value"))
                y += step
            y += 10
        return "".join(out), y
    return draw


def matrix(ways, sizes, cell, names, label_x):
    """A field per way and size. `cell(way, size)` gives (class, words, second line)."""
    def draw(width):
        narrow = width < 500
        left, top = (0, 26) if narrow else (190, 30)
        wide, tall = (width - left) / len(sizes), 46
        out = [text(left + wide * (i + .5), 18, label_x(size, narrow), "tick", "middle") for i, size in enumerate(sizes)]
        y = top
        for way in ways:
            if narrow:
                out.append(text(2, y + 16, names[way], "label"))
                y += 24
            else:
                out.append(text(left - 12, y + tall / 2 + 5, names[way], "label", "end"))
            for i, size in enumerate(sizes):
                cls, words, second = cell(way, size)
                x = left + wide * i
                out.append(f'<rect class="cell {cls}" x="{x + 2:.1f}" y="{y + 2}" width="{wide - 4:.1f}" height="{tall - 4}" rx="5"/>')
                out.append(text(x + wide / 2, y + 21, words.removeprefix("a ") if narrow else words, f"incell {cls}", "middle"))
                out.append(text(x + wide / 2, y + 36, second, f"incell small {cls}", "middle"))
            y += tall + (6 if narrow else 2)
        return "".join(out), y + 4
    return draw
