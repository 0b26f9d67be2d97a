//! The dictionary on the terminal.

use super::{counts, last_run, origin, rules};
use crate::output::Style;
use crate::output::figures::grouped;
use crate::output::grid::{Cell, Grid, Tone, paint, visible};
use std::io::{self, Write};
use tidemill_pipeline::dictionary::{ColumnEntry, Dictionary, Stored};

/// Undescribed things told; the rest is counted.
const MISSING_SHOWN: usize = 12;

pub fn write(d: &Dictionary, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let dim = |text: &str| paint(text, Tone::Dim, style.colour);
    let run = last_run(d).map_or(String::new(), |r| format!("   {}", dim(&format!("rows as of {r}"))));
    writeln!(out, "{}   {}{run}", visible(&d.project), counts(d))?;
    if !d.description.is_empty() {
        writeln!(out, "{}", visible(&d.description))?;
    }
    for t in &d.tables {
        head(out, "table", &t.name, &t.description, style)?;
        let key = if t.key.is_empty() { String::new() } else { format!("   key {}", t.key.join(", ")) };
        writeln!(out, "{}", dim(&format!("from {}   {}{key}{}", visible(&t.source), t.load, stored(t.stored))))?;
        for check in &t.checks {
            writeln!(out, "{}", dim(&format!("every row: {}", visible(check))))?;
        }
        columns(out, &t.columns, "must be", rules, style)?;
        if !t.dropped.is_empty() {
            let names: Vec<String> = t.dropped.iter().map(|c| c.name.clone()).collect();
            writeln!(out, "{}", dim(&format!("read, and not kept: {}", names.join(", "))))?;
        }
        for (i, r) in t.rules.iter().enumerate() {
            let why = if r.description.is_empty() { String::new() } else { dim(&format!(" ({})", visible(&r.description))) };
            writeln!(out, "{:>3}. {}{why}", i + 1, visible(&r.text))?;
        }
    }
    for v in &d.views {
        head(out, if v.is_stored { "table view" } else { "view" }, &v.name, &v.description, style)?;
        writeln!(out, "{}", dim(&format!("reads {}{}", v.reads.join(", "), stored(v.stored))))?;
        columns(out, &v.columns, "comes from", origin, style)?;
        for t in &v.tests {
            let warns = if t.is_warning { dim(" (warns only)") } else { String::new() };
            writeln!(out, "  test: {}{warns}", visible(&t.text))?;
        }
    }
    for f in &d.functions {
        head(out, "function", &f.name, &f.description, style)?;
        writeln!(out, "{} returns {}", f.signature, f.returns)?;
        for (name, of, description) in f.parameters.iter().chain(&f.columns).filter(|p| !p.2.is_empty()) {
            writeln!(out, "  {name} {of}: {}", visible(description))?;
        }
        f.tests.iter().try_for_each(|t| writeln!(out, "  test: {}", visible(&t.text)))?;
    }
    for e in &d.exports {
        head(out, "export", &e.name, &e.description, style)?;
        writeln!(out, "{}", dim(&format!("{} to {}", e.from, visible(&e.path))))?;
    }
    let missing = d.undescribed();
    if missing.is_empty() {
        return writeln!(out, "\n{}", paint("everything is described", Tone::Good, style.colour));
    }
    writeln!(out, "\n{} of {} without a description:", missing.len(), d.describable())?;
    missing.iter().take(MISSING_SHOWN).try_for_each(|m| writeln!(out, "  {m}"))?;
    if missing.len() > MISSING_SHOWN {
        writeln!(out, "  and {} more; `--format json` lists all", missing.len() - MISSING_SHOWN)?;
    }
    Ok(())
}

fn head(out: &mut dyn Write, kind: &str, name: &str, description: &str, style: Style) -> io::Result<()> {
    writeln!(out, "\n{} {}", paint(kind, Tone::Dim, style.colour), paint(name, Tone::Good, style.colour))?;
    if description.is_empty() { Ok(()) } else { writeln!(out, "{}", visible(description)) }
}

fn columns(out: &mut dyn Write, all: &[ColumnEntry], last: &str, of: fn(&ColumnEntry) -> String, style: Style) -> io::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    let mut grid = Grid::new(&["column", "type", "description", last]);
    for c in all {
        let tone = if c.made { Tone::Dim } else { Tone::Plain };
        grid.push(vec![Cell::new(&c.name), Cell::new(&c.data_type), Cell::toned(&c.description, tone), Cell::new(of(c))]);
    }
    let hidden = grid.write(out, style.width, style.colour)?;
    if hidden > 0 { writeln!(out, "  ({hidden} columns of this list do not fit)") } else { Ok(()) }
}

fn stored(s: Option<Stored>) -> String {
    s.map_or(String::new(), |s| format!("   {} rows, version {}", grouped(s.rows), s.version))
}
