//! The dictionary as one self-contained page, by day and by night, with a search box: its few lines of script are inline, and without them
//! the page is whole.

use super::{counts, last_run, origin, rules};
use crate::output::figures::grouped;
use std::fmt::Write;
use tidemill_pipeline::dictionary::{ColumnEntry, Dictionary, FunctionEntry, Stored, TableEntry, TestEntry, ViewEntry};
use tidemill_prepare::profile::html::{STYLE, escaped, prose};

const OWN_STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Everything that comes from the project is escaped.
pub fn page(d: &Dictionary) -> String {
    let mut out = String::with_capacity(64 << 10);
    let title = escaped(&d.project);
    // Writing to a text can't fail.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} – data dictionary</title>\n<style>\n{STYLE}{OWN_STYLE}</style>\n</head>\n<body>\n"
    );
    head(d, &mut out);
    section("tables", "Tables", &d.tables, table, &mut out);
    section("views", "Views", &d.views, view, &mut out);
    section("functions", "Functions", &d.functions, function, &mut out);
    exports(d, &mut out);
    missing(d, &mut out);
    let _ = write!(
        out,
        "<p class=\"soft small\">Made by <code>tidemill dictionary</code>.</p>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    );
    out
}

fn head(d: &Dictionary, out: &mut String) {
    let about = if d.description.is_empty() { counts(d) } else { d.description.clone() };
    let _ = write!(out, "<h1>{}</h1>\n<div class=\"soft\">{}</div>\n<nav>", escaped(&d.project), prose(&about));
    let parts = [("tables", "Tables", d.tables.len()), ("views", "Views", d.views.len()), ("functions", "Functions", d.functions.len())];
    for (id, name, n) in parts.into_iter().chain([("exports", "Exports", d.exports.len())]).filter(|p| p.2 > 0) {
        let _ = write!(out, "<a href=\"#{id}\">{name} <span class=\"soft\">{n}</span></a>");
    }
    out.push_str("<a href=\"#missing\">Without a description</a></nav>\n");
    let columns: usize = d.tables.iter().map(|t| t.columns.len()).sum::<usize>() + d.views.iter().map(|v| v.columns.len()).sum::<usize>();
    let (all, missing) = (d.describable(), d.undescribed().len());
    let share = if all == 0 { 100.0 } else { ((all - missing) as f64 / all as f64 * 100.0).floor() };
    let mut tiles = vec![
        (d.tables.len().to_string(), "tables"),
        (d.views.len().to_string(), "views"),
        (grouped(columns as u64), "columns"),
        (format!("{share} %"), "described"),
    ];
    let run = last_run(d);
    if run.is_some() {
        let rows: u64 = d.tables.iter().filter_map(|t| t.stored).map(|s| s.rows).sum();
        tiles.insert(2, (grouped(rows), "rows in clean tables"));
    }
    out.push_str("<div class=\"tiles\">");
    for (value, name) in tiles {
        let _ = write!(out, "<div class=\"tile\"><b>{value}</b><span>{name}</span></div>");
    }
    out.push_str("</div>\n");
    if let Some(run) = run {
        let _ = writeln!(out, "<p class=\"soft small\">Rows and versions as of {}.</p>", escaped(&run));
    }
    out.push_str(
        "<div class=\"search\"><input id=\"search\" type=\"search\" placeholder=\"Search names, descriptions, types, sources …\" aria-label=\"Search\" autocomplete=\"off\"><span id=\"found\" class=\"soft small\" aria-live=\"polite\"></span></div>\n",
    );
}

fn section<T>(id: &str, title: &str, entries: &[T], write: fn(&T, &mut String), out: &mut String) {
    if !entries.is_empty() {
        let _ = writeln!(out, "<section><h2 id=\"{id}\">{title}</h2>");
        entries.iter().for_each(|e| write(e, out));
        out.push_str("</section>\n");
    }
}

fn begin(kind: &str, name: &str, mark: &str, description: &str, out: &mut String) {
    let _ = writeln!(
        out,
        "<article class=\"card wide entry\" id=\"{kind}-{0}\"><header><h3><a href=\"#{kind}-{0}\">{0}</a></h3><span class=\"type\">{mark}</span></header>",
        escaped(name)
    );
    match description {
        "" => out.push_str("<p class=\"none\">no description</p>\n"),
        text => {
            let _ = writeln!(out, "<p>{}</p>", prose(text));
        }
    }
}

fn facts(all: &[(&str, String)], out: &mut String) {
    out.push_str("<dl class=\"about\">");
    for (what, value) in all.iter().filter(|(_, v)| !v.is_empty()) {
        let _ = write!(out, "<div><dt>{what}</dt><dd>{value}</dd></div>");
    }
    out.push_str("</dl>\n");
}

fn table(t: &TableEntry, out: &mut String) {
    begin("table", &t.name, "table", &t.description, out);
    let checks: Vec<String> = t.checks.iter().map(|c| code(c)).collect();
    facts(
        &[
            ("source", code(&t.source)),
            ("load", escaped(&t.load)),
            ("key", names(&t.key)),
            ("every row", checks.join(" ")),
            ("partitioned by", names(&t.partition_by)),
            ("rows", stored(t.stored)),
            ("read by", links(&t.used_by)),
            ("file", code(&t.file)),
        ],
        out,
    );
    columns(&t.columns, "must be", &|c| prose(&rules(c)), out);
    if !t.dropped.is_empty() {
        let _ = write!(out, "<details><summary>{} read, and not kept</summary>", many(t.dropped.len(), "column"));
        columns(&t.dropped, "must be", &|c| prose(&rules(c)), out);
        out.push_str("</details>");
    }
    if !t.rules.is_empty() {
        let _ = write!(out, "<details><summary>how it is cleaned: {}</summary><ol class=\"steps\">", many(t.rules.len(), "rule"));
        for r in &t.rules {
            let why = if r.description.is_empty() { String::new() } else { format!("<div class=\"soft\">{}</div>", prose(&r.description)) };
            let _ = write!(out, "<li><span class=\"type\">{}</span> {}{why}</li>", r.rule, prose(&r.text));
        }
        out.push_str("</ol></details>");
    }
    out.push_str("</article>\n");
}

fn view(v: &ViewEntry, out: &mut String) {
    begin("view", &v.name, if v.is_stored { "view, kept as a table" } else { "view" }, &v.description, out);
    facts(
        &[
            ("reads", links(&v.reads)),
            ("partitioned by", names(&v.partition_by)),
            ("rows", stored(v.stored)),
            ("read by", links(&v.used_by)),
            ("file", code(&v.file)),
        ],
        out,
    );
    columns(&v.columns, "comes from", &from, out);
    tests(&v.tests, out);
    out.push_str("</article>\n");
}

fn function(f: &FunctionEntry, out: &mut String) {
    begin("function", &f.name, "function", &f.description, out);
    let _ = writeln!(out, "<p>{} returns {}</p>", code(&f.signature), escaped(&f.returns));
    facts(&[("reads", links(&f.reads)), ("called by", links(&f.used_by)), ("file", code(&f.file))], out);
    for (title, all) in [("parameter", &f.parameters), ("column", &f.columns)] {
        if all.is_empty() {
            continue;
        }
        let _ = write!(out, "<table><thead><tr><th>{title}</th><th>type</th><th>description</th></tr></thead><tbody>");
        for (name, of, description) in all {
            let _ = write!(out, "<tr><td>{}</td><td class=\"soft\">{}</td><td>{}</td></tr>", code(name), escaped(of), prose(description));
        }
        out.push_str("</tbody></table>");
    }
    tests(&f.tests, out);
    out.push_str("</article>\n");
}

fn tests(all: &[TestEntry], out: &mut String) {
    if !all.is_empty() {
        let _ = write!(out, "<details><summary>{}</summary><ul class=\"steps\">", many(all.len(), "test"));
        for t in all {
            let warns = if t.is_warning { " <span class=\"soft\">(warns only)</span>" } else { "" };
            let _ = write!(out, "<li>{}{warns}</li>", prose(&t.text));
        }
        out.push_str("</ul></details>");
    }
}

fn exports(d: &Dictionary, out: &mut String) {
    if d.exports.is_empty() {
        return;
    }
    out.push_str("<section><h2 id=\"exports\">Exports</h2>\n<div class=\"grid\">\n");
    for e in &d.exports {
        let description =
            if e.description.is_empty() { "<span class=\"none\">no description</span>".into() } else { prose(&e.description) };
        let reads = if e.reads.contains(&e.from) {
            links(std::slice::from_ref(&e.from))
        } else {
            format!("{} ({})", escaped(&e.from), links(&e.reads))
        };
        let _ = writeln!(
            out,
            "<article class=\"card entry\" id=\"export-{0}\"><header><h3>{0}</h3><span class=\"type\">export</span></header><p>{description}</p><dl class=\"about\"><div><dt>to</dt><dd>{1}</dd></div><div><dt>from</dt><dd>{reads}</dd></div></dl></article>",
            escaped(&e.name),
            code(&e.path)
        );
    }
    out.push_str("</div></section>\n");
}

fn missing(d: &Dictionary, out: &mut String) {
    let all = d.undescribed();
    out.push_str("<section><h2 id=\"missing\">Without a description</h2>\n");
    if all.is_empty() {
        out.push_str("<p class=\"soft\">Nothing: everything is described.</p>\n");
    } else {
        out.push_str("<ul class=\"find\">\n");
        for m in &all {
            let _ = writeln!(out, "<li class=\"warning\">{}</li>", prose(m));
        }
        out.push_str("</ul>\n");
    }
    out.push_str("</section>\n");
}

fn columns(all: &[ColumnEntry], last: &str, of: &dyn Fn(&ColumnEntry) -> String, out: &mut String) {
    if all.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<div class=\"wide-table\"><table><thead><tr><th>column</th><th>type</th><th>description</th><th>{last}</th></tr></thead><tbody>"
    );
    for c in all {
        let description = match c.description.as_str() {
            "" => "<span class=\"none\">no description</span>".to_string(),
            text if c.made => format!("<span class=\"soft\">{}</span>", prose(text)),
            text => prose(text),
        };
        let original = c.original.as_ref().map_or(String::new(), |o| format!(" <span class=\"soft\">in the source {}</span>", code(o)));
        let _ = write!(
            out,
            "<tr><td>{}</td><td class=\"soft\">{}</td><td>{description}{original}</td><td>{}</td></tr>",
            code(&c.name),
            escaped(&c.data_type),
            of(c)
        );
    }
    out.push_str("</tbody></table></div>\n");
}

fn from(c: &ColumnEntry) -> String {
    let origin = escaped(&origin(c));
    match &c.expression {
        Some(e) if origin.is_empty() => code(e),
        Some(e) => format!("{origin}<div class=\"soft\">{}</div>", code(e)),
        None => origin,
    }
}

fn stored(s: Option<Stored>) -> String {
    s.map_or(String::new(), |s| format!("<b>{}</b>, version {}", grouped(s.rows), s.version))
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<code>{}</code>", escaped(text)) }
}

fn names(all: &[String]) -> String {
    all.iter().map(|n| code(n)).collect::<Vec<_>>().join(" ")
}

fn many(n: usize, what: &str) -> String {
    crate::output::figures::counted(n as u64, what)
}

/// Nodes as links to where they are described.
fn links(nodes: &[String]) -> String {
    let one = |n: &String| {
        let (kind, name) = match n.split_once('.') {
            Some(("clean" | "raw", t)) => ("table", t),
            Some(("export", e)) => ("export", e),
            _ if n.ends_with("()") => ("function", n.trim_end_matches("()")),
            _ => ("view", n.as_str()),
        };
        format!("<a href=\"#{kind}-{}\">{}</a>", escaped(name), escaped(n))
    };
    nodes.iter().map(one).collect::<Vec<_>>().join(", ")
}
