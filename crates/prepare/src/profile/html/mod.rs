//! A profile as one self-contained page: styles and plots inline, no script, a table behind each plot.

mod parts;
mod plots;

use super::findings::type_name;
use super::{Class, ColumnProfile, Profile, Severity};
pub use parts::{escaped, prose};
use parts::{figure, grouped, percent, table};
use std::fmt::Write;

/// What every page of the program looks like, by day and by night.
pub const STYLE: &str = include_str!("style.css");

/// The page. Everything that comes from the data is escaped.
pub fn page(p: &Profile) -> String {
    let mut out = String::with_capacity(64 << 10);
    let title = escaped(&p.name);
    // Writing to a text can't fail.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} – profile</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
    );
    head(p, &mut out);
    findings(p, &mut out);
    out.push_str("<h2 id=\"columns\">Columns</h2>\n<div class=\"grid\">\n");
    p.columns.iter().for_each(|c| column(c, &mut out));
    out.push_str("</div>\n");
    relations(p, &mut out);
    time(p, &mut out);
    target(p, &mut out);
    out.push_str("<p class=\"soft small\">Made by <code>tidemill profile</code>.</p>\n</body>\n</html>\n");
    out
}

fn head(p: &Profile, out: &mut String) {
    let _ = write!(out, "<h1>{}</h1>\n<div class=\"soft\">what is in it, and what to look at first</div>\n", escaped(&p.name));
    let mut nav = vec![("findings", "Findings"), ("columns", "Columns"), ("relations", "Relations")];
    if !p.time.is_empty() {
        nav.push(("time", "Time"));
    }
    if p.target.is_some() {
        nav.push(("target", "Comparison"));
    }
    out.push_str("<nav>");
    nav.iter().for_each(|(id, name)| {
        let _ = write!(out, "<a href=\"#{id}\">{name}</a>");
    });
    out.push_str("</nav>\n<div class=\"tiles\">");
    let cells = p.rows * p.columns.len() as u64;
    let missing: u64 = p.columns.iter().map(|c| c.missing).sum();
    let mut tiles = vec![
        (grouped(p.rows), "rows"),
        (grouped(p.columns.len() as u64), "columns"),
        (percent(missing, cells), "of all cells missing"),
        (grouped(p.duplicates.exact), "rows repeat another"),
    ];
    if p.rejected > 0 {
        tiles.push((grouped(p.rejected), "rows can't be read"));
    }
    let errors = p.findings.iter().filter(|f| f.severity < Severity::Note).count();
    tiles.push((grouped(errors as u64), "errors and warnings"));
    for (value, name) in tiles {
        let _ = write!(out, "<div class=\"tile\"><b>{value}</b><span>{name}</span></div>");
    }
    out.push_str("</div>\n");
}

fn findings(p: &Profile, out: &mut String) {
    out.push_str("<h2 id=\"findings\">Findings, the worst first</h2>\n");
    if p.findings.is_empty() {
        out.push_str("<p class=\"soft\">Nothing conspicuous.</p>\n");
        return;
    }
    out.push_str("<ul class=\"find\">\n");
    for f in &p.findings {
        let help = f.help.as_ref().map(|h| format!("<div class=\"help\">{}</div>", prose(h))).unwrap_or_default();
        let severity = f.severity.as_str();
        let _ = writeln!(out, "<li class=\"{severity}\" title=\"{severity}\">{}{help}</li>", prose(&f.text));
    }
    out.push_str("</ul>\n");
}

fn column(c: &ColumnProfile, out: &mut String) {
    let about = if c.distinct.exact { "" } else { "about " };
    let _ = write!(
        out,
        "<article class=\"card\"><header><h3>{}</h3><span class=\"type\">{}</span></header>\n<div class=\"facts\"><span><b>{about}{}</b> distinct</span>",
        escaped(&c.name),
        type_name(&c.data_type),
        grouped(c.distinct.count)
    );
    let _ = write!(out, "<span><b>{}</b> missing</span>", if c.missing == 0 { "none".into() } else { percent(c.missing, c.rows) });
    if let Some(n) = c.numbers.as_ref().filter(|_| c.missing < c.rows) {
        for (name, v) in [("mean", n.mean), ("± deviation", n.stddev)] {
            let _ = write!(out, "<span><b>{}</b> {name}</span>", figure(v));
        }
    }
    if let Some(m) = &c.moments {
        let _ = write!(out, "<span><b>{}</b> to <b>{}</b></span>", escaped(&m.first), escaped(&m.last));
    }
    if let Some(t) = &c.texts {
        let lengths = if t.length_min == t.length_max { t.length_min.to_string() } else { format!("{} to {}", t.length_min, t.length_max) };
        let _ = write!(out, "<span><b>{lengths}</b> characters</span>");
    }
    let share = c.missing as f64 / c.rows.max(1) as f64 * 100.0;
    let _ = writeln!(out, "</div><div class=\"miss\" title=\"missing\"><i style=\"width:{share:.1}%\"></i></div>");
    // A few values are read better one by one.
    if let Some(n) = c.numbers.as_ref().filter(|n| n.histogram.len() > 1 && c.distinct.count > 6) {
        let bars: Vec<(String, u64)> = n.histogram.iter().map(|b| (format!("{} to {}", figure(b.from), figure(b.to)), b.count)).collect();
        let ends = (n.histogram[0].from, n.histogram[n.histogram.len() - 1].to);
        plots::bars(&bars, &figure(ends.0), &figure(ends.1), out);
        let mut all = bars;
        if n.below > 0 {
            all.insert(0, (format!("below {}", figure(ends.0)), n.below));
        }
        if n.above > 0 {
            all.push((format!("above {}", figure(ends.1)), n.above));
        }
        if n.below + n.above > 0 {
            let _ = write!(
                out,
                "<div class=\"soft small\">{} further out, from {} to {}</div>",
                grouped(n.below + n.above),
                figure(n.min),
                figure(n.max)
            );
        }
        let mut quantiles: Vec<Vec<String>> =
            n.quantiles.iter().map(|(q, v)| vec![format!("{} %", figure(q * 100.0)), figure(*v)]).collect();
        quantiles.insert(0, vec!["least".into(), figure(n.min)]);
        quantiles.push(vec!["greatest".into(), figure(n.max)]);
        out.push_str("<details><summary>figures</summary>");
        table(&["quantile", "#value"], &quantiles, out);
        table(&["from, to", "#rows"], &all.into_iter().map(|(l, n)| vec![l, grouped(n)]).collect::<Vec<_>>(), out);
        out.push_str("</details>");
    } else if let Some(m) = c.moments.as_ref().filter(|m| m.histogram.len() > 1) {
        let last = m.histogram.len() - 1;
        plots::bars(&m.histogram, &m.histogram[0].0, &m.histogram[last].0, out);
        out.push_str("<details><summary>figures</summary>");
        table(&["from", "#rows"], &m.histogram.iter().map(|(l, n)| vec![l.clone(), grouped(*n)]).collect::<Vec<_>>(), out);
        out.push_str("</details>");
    } else {
        top(c, out);
    }
    if let Some(t) = c.texts.as_ref().filter(|t| t.shapes.len() > 1 && t.shape_count <= 1000) {
        out.push_str("<details><summary>forms (A a letter, 9 a digit)</summary>");
        table(&["form", "#rows"], &t.shapes.iter().map(|(s, n)| vec![s.clone(), grouped(*n)]).collect::<Vec<_>>(), out);
        out.push_str("</details>");
    }
    if !c.suspicious.is_empty() {
        let _ = write!(
            out,
            "<details><summary>{} suspicious value{}</summary>",
            c.suspicious.len(),
            if c.suspicious.len() == 1 { "" } else { "s" }
        );
        let rows = c.suspicious.iter().map(|s| {
            let meant = s.meant.clone().unwrap_or_default();
            vec![s.value.clone(), meant, s.why.as_str().to_string(), grouped(s.rows), format!("{:.0} %", s.confidence * 100.0)]
        });
        table(&["value", "meant", "why", "#rows", "#sure"], &rows.collect::<Vec<_>>(), out);
        out.push_str("</details>");
    }
    out.push_str("</article>\n");
}

fn top(c: &ColumnProfile, out: &mut String) {
    let most = c.top.first().map_or(1, |t| t.1).max(1);
    let present = c.rows - c.missing;
    if most == 1 && c.distinct.count > 20 {
        let some: Vec<&str> = c.top.iter().take(5).map(|t| t.0.as_str()).collect();
        let _ = write!(out, "<div class=\"soft small\">all differ: {}, …</div>", escaped(&some.join(", ")));
        return;
    }
    out.push_str("<div class=\"rows\">");
    for (value, n) in c.top.iter().take(8) {
        let shown = if value.is_empty() { "(empty)" } else { value };
        let _ = write!(
            out,
            "<div title=\"{0}\"><i style=\"width:{1:.1}%\"></i><span>{0}</span><em>{2} · {3}</em></div>",
            escaped(shown),
            *n as f64 / most as f64 * 100.0,
            grouped(*n),
            percent(*n, present)
        );
    }
    out.push_str("</div>");
    if c.top.len() > 8 {
        out.push_str("<details><summary>more values</summary>");
        table(&["value", "#rows"], &c.top.iter().skip(8).map(|(v, n)| vec![v.clone(), grouped(*n)]).collect::<Vec<_>>(), out);
        out.push_str("</details>");
    }
}

fn relations(p: &Profile, out: &mut String) {
    out.push_str("<h2 id=\"relations\">Relations</h2>\n<div class=\"grid\">\n");
    let mut card = |title: &str, wide: bool, body: &dyn Fn(&mut String)| {
        let _ = write!(out, "<article class=\"card{}\"><h3>{title}</h3>", if wide { " wide" } else { "" });
        body(&mut *out);
        out.push_str("</article>\n");
    };
    card("Keys", false, &|out| {
        if p.keys.is_empty() {
            out.push_str("<p class=\"soft small\">Nothing tells rows apart.</p>");
        } else {
            let rows = p.keys.iter().map(|k| vec![k.columns.join(" + "), grouped(k.duplicates), grouped(k.missing)]);
            table(&["columns", "#rows that repeat", "#that lack it"], &rows.collect::<Vec<_>>(), out);
        }
    });
    card("Duplicates", false, &|out| {
        let mut rows = vec![vec!["equal in every column".to_string(), grouped(p.duplicates.exact), String::new()]];
        rows.extend(p.duplicates.ignoring.iter().map(|(c, n)| vec![format!("equal when {c} is ignored"), grouped(*n), String::new()]));
        for n in &p.duplicates.near {
            let what = n
                .column
                .as_ref()
                .map_or("equal but for case, accents, spaces, punctuation".into(), |c| format!("nearly equal in {c}, equal in all else"));
            let examples: Vec<String> = n.examples.iter().take(3).map(|(a, b)| format!("{a} / {b}")).collect();
            rows.push(vec![what, grouped(n.rows), examples.join("; ")]);
        }
        table(&["rows", "#repeats", "examples"], &rows, out);
    });
    if !p.dependencies.is_empty() {
        card("What decides what", true, &|out| {
            let rows = p.dependencies.iter().take(60).map(|d| {
                let agreement = format!("{:.2} %", (d.agreement() * 1e4).floor() / 100.0);
                vec![d.determinant.join(" + "), d.dependent.clone(), agreement, grouped(d.violations), grouped(d.groups), grouped(d.rows)]
            });
            out.push_str("<div class=\"scroll\">");
            table(&["equal", "have equal", "#agreement", "#rows that disagree", "#values", "#rows"], &rows.collect::<Vec<_>>(), out);
            out.push_str("</div>");
        });
    }
    if !p.conditions.is_empty() {
        card("Where one column tells about another", true, &|out| {
            let rows = p.conditions.iter().take(30).map(|c| {
                let class = match &c.class {
                    Class::Begins(l) => format!("{} starts with {l}", c.column),
                    Class::Shape(s) => format!("{} looks like {s}", c.column),
                    Class::Value(v) => format!("{} = {v}", c.column),
                    Class::Missing => format!("{} is missing", c.column),
                };
                vec![
                    class,
                    grouped(c.rows),
                    format!("{} is {}", c.other, c.state.as_str()),
                    format!("{} of {}", grouped(c.elsewhere), grouped(c.outside)),
                ]
            });
            out.push_str("<div class=\"scroll\">");
            table(&["where", "#rows", "always", "#elsewhere"], &rows.collect::<Vec<_>>(), out);
            out.push_str("</div>");
        });
    }
    if !p.correlations.is_empty() {
        card("Correlations", true, &|out| {
            plots::heat(&p.correlations, out);
            out.push_str("<details><summary>figures</summary>");
            let rows = p.correlations.iter().map(|c| {
                vec![c.left.clone(), c.right.clone(), c.method.as_str().replace('_', " "), format!("{:.3}", c.value), grouped(c.rows)]
            });
            table(&["column", "column", "method", "#value", "#rows"], &rows.collect::<Vec<_>>(), out);
            out.push_str("</details>");
        });
    }
    out.push_str("</div>\n");
}

fn time(p: &Profile, out: &mut String) {
    if p.time.is_empty() {
        return;
    }
    out.push_str("<h2 id=\"time\">Time</h2>\n<div class=\"grid\">\n");
    for t in &p.time {
        let _ = write!(
            out,
            "<article class=\"card wide\"><header><h3>{}</h3><span class=\"type\">rows per {}</span></header>\n<div class=\"facts\"><span><b>{}</b> to <b>{}</b></span><span><b>{}</b> of {} {}s without rows</span></div>",
            escaped(&t.column),
            t.series_unit,
            escaped(&t.first),
            escaped(&t.last),
            grouped(t.empty_units),
            grouped(t.units),
            t.unit
        );
        if let (Some(first), Some(last)) = (t.series.first(), t.series.last()) {
            plots::series(&t.series, &first.0, &last.0, out);
        }
        let days: Vec<(String, u64)> =
            ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"].iter().map(|d| (*d).to_string()).zip(t.weekdays).collect();
        out.push_str("<div class=\"grid\"><div><div class=\"soft small\">by weekday</div>");
        plots::bars(&days, "Monday", "Sunday", out);
        out.push_str("</div>");
        if !t.hours.is_empty() {
            out.push_str("<div><div class=\"soft small\">by hour</div>");
            let hours: Vec<(String, u64)> = t.hours.iter().enumerate().map(|(h, n)| (format!("{h}:00"), *n)).collect();
            plots::bars(&hours, "0", "24", out);
            out.push_str("</div>");
        }
        out.push_str("</div><details><summary>figures</summary>");
        if !t.gaps.is_empty() {
            table(
                &["without rows from", "to", &format!("#{}s", t.unit)],
                &t.gaps.iter().map(|(a, b, n)| vec![a.clone(), b.clone(), grouped(*n)]).collect::<Vec<_>>(),
                out,
            );
        }
        out.push_str("<div class=\"scroll\">");
        table(&[t.series_unit, "#rows"], &t.series.iter().map(|(l, n)| vec![l.clone(), grouped(*n)]).collect::<Vec<_>>(), out);
        table(&["weekday", "#rows"], &days.into_iter().map(|(l, n)| vec![l, grouped(n)]).collect::<Vec<_>>(), out);
        if !t.hours.is_empty() {
            table(&["hour", "#rows"], &t.hours.iter().enumerate().map(|(h, n)| vec![h.to_string(), grouped(*n)]).collect::<Vec<_>>(), out);
        }
        out.push_str("</div></details></article>\n");
    }
    out.push_str("</div>\n");
}

fn target(p: &Profile, out: &mut String) {
    let Some(t) = &p.target else { return };
    let show = |v: f64| if t.value.is_some() { format!("{:.1} %", v * 100.0) } else { figure(v) };
    let what = match &t.value {
        Some(v) => format!("share of rows with {} = {}", t.column, v),
        None => format!("mean of {}", t.column),
    };
    let _ = write!(
        out,
        "<h2 id=\"target\">By {}</h2>\n<p class=\"soft\">{}: <b>{}</b> overall; the most telling columns first</p>\n<div class=\"grid\">\n",
        escaped(&t.column),
        escaped(&what),
        show(t.overall)
    );
    for c in t.columns.iter().take(24) {
        let most = c.groups.iter().map(|g| g.figure.abs()).fold(f64::MIN_POSITIVE, f64::max);
        let unit =
            if t.value.is_some() { format!("{:.3} bit", c.information) } else { format!("{:.1} % explained", c.information * 100.0) };
        let _ = write!(
            out,
            "<article class=\"card\"><header><h3>{}</h3><span class=\"type\">{unit}</span></header><div class=\"rows\">",
            escaped(&c.column)
        );
        for g in &c.groups {
            let _ = write!(
                out,
                "<div title=\"{} rows\"><i style=\"width:{:.1}%\"></i><span>{}</span><em>{} · {}</em></div>",
                grouped(g.rows),
                g.figure.abs() / most * 100.0,
                escaped(&g.label),
                show(g.figure),
                grouped(g.rows)
            );
        }
        out.push_str("</div></article>\n");
    }
    out.push_str("</div>\n");
}
