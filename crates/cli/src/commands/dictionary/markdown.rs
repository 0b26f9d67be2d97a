//! The dictionary as Markdown: a section per table, view, function and export, a table of their columns in each.

use super::{counts, last_run, origin, rules};
use crate::output::figures::grouped;
use std::fmt::Write;
use tidemill_pipeline::dictionary::{ColumnEntry, Dictionary, FunctionEntry, Stored, TableEntry, TestEntry, ViewEntry};

pub fn text(d: &Dictionary) -> String {
    let mut out = String::with_capacity(16 << 10);
    // Writing to a text can't fail.
    let _ = writeln!(out, "# {}: data dictionary\n", d.project);
    if !d.description.is_empty() {
        let _ = writeln!(out, "{}\n", d.description);
    }
    let _ = writeln!(out, "{}{}.\n", counts(d), last_run(d).map_or(String::new(), |r| format!("; rows as of {r}")));
    section(&mut out, "Tables", d.tables.iter(), table);
    section(&mut out, "Views", d.views.iter(), view);
    section(&mut out, "Functions", d.functions.iter(), function);
    if !d.exports.is_empty() {
        out.push_str("## Exports\n\n| export | to | from | description |\n| --- | --- | --- | --- |\n");
        for e in &d.exports {
            let _ = writeln!(out, "| {} | `{}` | {} | {} |", e.name, e.path, cell(&e.from), cell(&e.description));
        }
        out.push('\n');
    }
    let missing = d.undescribed();
    let _ = writeln!(out, "## Without a description\n");
    match missing.len() {
        0 => out.push_str("Nothing: everything is described.\n"),
        n => {
            let _ = writeln!(out, "{n} of {}:\n", d.describable());
            for m in &missing {
                let _ = writeln!(out, "- {m}");
            }
        }
    }
    out
}

fn section<'a, T: 'a>(out: &mut String, title: &str, entries: impl ExactSizeIterator<Item = &'a T>, write: fn(&T, &mut String)) {
    if entries.len() > 0 {
        let _ = writeln!(out, "## {title}\n");
        entries.for_each(|e| write(e, out));
    }
}

fn table(t: &TableEntry, out: &mut String) {
    head(&t.name, &t.description, out);
    fact(out, "source", &code(&t.source));
    fact(out, "load", &t.load);
    fact(out, "key", &t.key.iter().map(|k| code(k)).collect::<Vec<_>>().join(", "));
    fact(out, "partitioned by", &t.partition_by.join(", "));
    fact(out, "every row", &t.checks.iter().map(|c| code(c)).collect::<Vec<_>>().join(", "));
    fact(out, "rows", &stored(t.stored));
    fact(out, "read by", &t.used_by.join(", "));
    fact(out, "file", &code(&t.file));
    out.push('\n');
    columns(&t.columns, "must be, is written", rules, out);
    if !t.dropped.is_empty() {
        out.push_str("Read, and not kept:\n\n");
        columns(&t.dropped, "must be, is written", rules, out);
    }
    if !t.rules.is_empty() {
        out.push_str("How it is cleaned, in this order:\n\n");
        for (i, r) in t.rules.iter().enumerate() {
            let why = if r.description.is_empty() { String::new() } else { format!(" ({})", r.description) };
            let _ = writeln!(out, "{}. {}{why}", i + 1, r.text);
        }
        out.push('\n');
    }
}

fn view(v: &ViewEntry, out: &mut String) {
    head(&v.name, &v.description, out);
    fact(out, "kept", if v.is_stored { "as a table, built by each run that changes it" } else { "no, computed when asked" });
    fact(out, "reads", &v.reads.join(", "));
    fact(out, "partitioned by", &v.partition_by.join(", "));
    fact(out, "rows", &stored(v.stored));
    fact(out, "read by", &v.used_by.join(", "));
    fact(out, "file", &code(&v.file));
    out.push('\n');
    columns(&v.columns, "comes from", from, out);
    tests(&v.tests, out);
}

fn function(f: &FunctionEntry, out: &mut String) {
    head(&f.name, &f.description, out);
    let _ = writeln!(out, "`{}` returns {}\n", f.signature, f.returns);
    fact(out, "reads", &f.reads.join(", "));
    fact(out, "called by", &f.used_by.join(", "));
    fact(out, "file", &code(&f.file));
    out.push('\n');
    for (title, all) in [("parameter", &f.parameters), ("column", &f.columns)] {
        if all.is_empty() {
            continue;
        }
        let _ = writeln!(out, "| {title} | type | description |\n| --- | --- | --- |");
        for (name, of, description) in all {
            let _ = writeln!(out, "| {} | {of} | {} |", code(name), cell(description));
        }
        out.push('\n');
    }
    tests(&f.tests, out);
}

fn tests(all: &[TestEntry], out: &mut String) {
    if !all.is_empty() {
        out.push_str("Tests:\n\n");
        for t in all {
            let _ = writeln!(out, "- {}{}", t.text, if t.is_warning { " (warns only)" } else { "" });
        }
        out.push('\n');
    }
}

fn head(name: &str, description: &str, out: &mut String) {
    let _ = writeln!(out, "### {name}\n");
    if !description.is_empty() {
        let _ = writeln!(out, "{description}\n");
    }
}

fn fact(out: &mut String, what: &str, value: &str) {
    if !value.is_empty() && value != "``" {
        let _ = writeln!(out, "- {what}: {value}");
    }
}

fn columns(all: &[ColumnEntry], last: &str, of: fn(&ColumnEntry) -> String, out: &mut String) {
    if all.is_empty() {
        return;
    }
    let _ = writeln!(out, "| column | type | description | {last} |\n| --- | --- | --- | --- |");
    for c in all {
        let original = c.original.as_ref().map_or(String::new(), |o| format!("in the source: {}", code(&cell(o))));
        let described = [cell(&c.description), original].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("; ");
        let _ = writeln!(out, "| {} | {} | {described} | {} |", code(&c.name), c.data_type, cell(&of(c)));
    }
    out.push('\n');
}

fn from(c: &ColumnEntry) -> String {
    match (&c.expression, origin(c).as_str()) {
        (Some(e), "") => format!("`{e}`"),
        (Some(e), o) => format!("{o}: `{e}`"),
        (None, o) => o.to_string(),
    }
}

fn stored(s: Option<Stored>) -> String {
    s.map_or(String::new(), |s| format!("{} (version {})", grouped(s.rows), s.version))
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// Text as it may stand in a cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
