//! A profile on the terminal: one or two screens, findings first.

use crate::output::figures::{bytes, counted, duration, grouped};
use crate::output::grid::{Cell, Grid, Tone, paint, visible};
use arrow::datatypes::DataType;
use std::io::{self, Write};
use std::time::Duration;
use tidemill_prepare::profile::{ColumnProfile, Finding, Profile, Severity, TargetComparison};
use unicode_width::UnicodeWidthStr;

const WIDTH: usize = 100;
/// Findings told; the rest is counted.
const FINDINGS: usize = 10;
/// Columns told; -v tells all.
const COLUMNS: usize = 60;
/// Bars of the small plots.
const BARS: usize = 16;
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

#[derive(Clone, Copy)]
pub struct Look {
    pub width: Option<usize>,
    pub colour: bool,
    /// Whether all findings are shown, with their help.
    pub help: bool,
}

pub fn write(p: &Profile, look: Look, elapsed: Duration, out: &mut dyn Write) -> io::Result<()> {
    let width = look.width.unwrap_or(WIDTH).clamp(40, WIDTH);
    let size = if p.bytes > 0 { format!("   {}", bytes(p.bytes)) } else { String::new() };
    let rejected = if p.rejected > 0 { format!("   {} rejected", grouped(p.rejected)) } else { String::new() };
    writeln!(
        out,
        "{}   {} × {}{size}{rejected}   {}",
        visible(&p.name),
        counted(p.rows, "row"),
        counted(p.columns.len() as u64, "column"),
        paint(&format!("in {}", duration(elapsed)), Tone::Dim, look.colour)
    )?;
    findings(&p.findings, look, width, out)?;
    columns(p, look, width, out)?;
    relations(p, look, width, out)?;
    if let Some(t) = &p.target {
        target(t, look, width, out)?;
    }
    Ok(())
}

fn findings(all: &[Finding], look: Look, width: usize, out: &mut dyn Write) -> io::Result<()> {
    if all.is_empty() {
        return writeln!(out, "\nnothing conspicuous");
    }
    writeln!(out)?;
    let shown = if look.help { all.len() } else { FINDINGS };
    for f in all.iter().take(shown) {
        let (mark, tone) = match f.severity {
            Severity::Error => ("✗", Tone::Bad),
            Severity::Warning => ("!", Tone::Warn),
            Severity::Note => ("·", Tone::Dim),
        };
        let mut first = true;
        for line in wrapped(&visible(&f.text), width - 2) {
            writeln!(out, "{} {line}", if first { paint(mark, tone, look.colour) } else { " ".into() })?;
            first = false;
        }
        if let Some(help) = f.help.as_ref().filter(|_| look.help) {
            for line in wrapped(&visible(help), width - 4) {
                writeln!(out, "    {}", paint(&line, Tone::Dim, look.colour))?;
            }
        }
    }
    if all.len() > shown {
        let text = format!("  and {} more; -v shows all, and what to do about each", counted((all.len() - shown) as u64, "finding"));
        writeln!(out, "{}", paint(&text, Tone::Dim, look.colour))?;
    } else if !look.help {
        writeln!(out, "{}", paint("  -v also says what to do about each", Tone::Dim, look.colour))?;
    }
    Ok(())
}

/// Words on lines of at most `width` columns.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().map_or(0, |l| l.width());
        if last > 0 && last + 1 + word.width() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

fn columns(p: &Profile, look: Look, width: usize, out: &mut dyn Write) -> io::Result<()> {
    if p.columns.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let mut grid = Grid::new(&["column", "type", "#missing", "#distinct", "distribution", "values"]);
    let shown = if look.help { p.columns.len() } else { COLUMNS };
    for c in p.columns.iter().take(shown) {
        let missing = match c.missing {
            0 => Cell::toned("–", Tone::Dim),
            n => Cell::new(percent(n, c.rows)),
        };
        let about = if c.distinct.exact { "" } else { "≈" };
        grid.push(vec![
            Cell::new(visible(&c.name)),
            Cell::toned(type_name(&c.data_type), Tone::Dim),
            missing,
            Cell::new(format!("{about}{}", grouped(c.distinct.count))),
            Cell::new(plot(c)),
            Cell::new(values(c)),
        ]);
    }
    grid.write(out, Some(width), look.colour)?;
    if p.columns.len() > shown {
        let text = format!("  and {}; -v shows all", counted((p.columns.len() - shown) as u64, "more column"));
        writeln!(out, "{}", paint(&text, Tone::Dim, look.colour))?;
    }
    Ok(())
}

fn percent(n: u64, of: u64) -> String {
    let share = n as f64 / of.max(1) as f64 * 100.0;
    if n == of {
        "100%".into()
    } else if share < 0.1 {
        "<0.1%".into()
    } else {
        format!("{:.1}%", share.min(99.9))
    }
}

pub fn type_name(t: &DataType) -> &'static str {
    match t {
        DataType::Utf8 => "text",
        DataType::Boolean => "bool",
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => "int",
        DataType::Float32 | DataType::Float64 => "double",
        DataType::Decimal128(..) => "decimal",
        DataType::Date32 => "date",
        DataType::Timestamp(..) => "timestamp",
        _ => "other",
    }
}

/// Numbers and dates by bins, all else by its most frequent values.
fn plot(c: &ColumnProfile) -> String {
    let counts: Vec<u64> = if let Some(n) = &c.numbers {
        n.histogram.iter().map(|b| b.count).collect()
    } else if let Some(m) = &c.moments {
        m.histogram.iter().map(|(_, n)| *n).collect()
    } else {
        if c.distinct.count > 1 && c.top.first().is_none_or(|t| t.1 <= 1) {
            return String::new(); // all differ
        }
        c.top.iter().take(BARS).map(|(_, n)| *n).collect()
    };
    bars(&counts, BARS)
}

/// Counts as blocks, neighbours added up where there are more than `most`.
pub fn bars(counts: &[u64], most: usize) -> String {
    let per = counts.len().div_ceil(most.max(1)).max(1);
    let sums: Vec<u64> = counts.chunks(per).map(|c| c.iter().sum()).collect();
    let top = sums.iter().copied().max().unwrap_or(0).max(1) as f64;
    let block = |n: &u64| {
        if *n == 0 { ' ' } else { BLOCKS[((*n as f64 / top * 8.0).ceil() as usize).clamp(1, 8) - 1] }
    };
    sums.iter().map(block).collect()
}

fn values(c: &ColumnProfile) -> String {
    if let Some(n) = &c.numbers {
        if c.missing == c.rows {
            return String::new();
        }
        let plain = |v: f64| if v.fract() == 0.0 && v.abs() < 1e15 { format!("{v:.0}") } else { figure(v) };
        if c.is_plain_number() {
            return format!("{} … {}", plain(n.min), plain(n.max));
        }
        let median = n.quantiles.iter().find(|(q, _)| *q == 0.5).map_or(0.0, |(_, v)| *v);
        return format!("{} … {} … {}", figure(n.min), figure(median), figure(n.max));
    }
    if let Some(m) = &c.moments {
        let day = |t: &str| t.get(..16).unwrap_or(t).trim_end_matches(" 00:00").to_string();
        return format!("{} … {}", day(&m.first), day(&m.last));
    }
    let present = (c.rows - c.missing).max(1);
    let all: Vec<String> = c
        .top
        .iter()
        .take(4)
        .map(|(v, n)| {
            let short: String = visible(v).chars().take(24).collect();
            let share = *n as f64 / present as f64 * 100.0;
            if share >= 1.0 { format!("{short} {share:.0}%") } else { short }
        })
        .collect();
    all.join(", ")
}

/// Three digits, or the whole number.
pub(super) fn figure(v: f64) -> String {
    if v.fract() == 0.0 && v.abs() < 1e18 {
        let text = grouped(v.abs() as u64);
        return if v < 0.0 { format!("-{text}") } else { text };
    }
    if v.abs() >= 1e18 {
        return format!("{v:.2e}");
    }
    if v.abs() >= 1000.0 {
        return figure(v.round());
    }
    let digits = if v.abs() >= 100.0 { 1 } else { 2 };
    if v.abs() >= 0.01 { format!("{v:.digits$}") } else { format!("{v:.2e}") }
}

fn relations(p: &Profile, look: Look, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let keys: Vec<String> = p
        .keys
        .iter()
        .take(3)
        .map(|k| {
            let about = if k.is_counted { "" } else { " (by a sample)" };
            let name = format!("{}{about}", k.columns.join(" + "));
            if k.duplicates + k.missing == 0 { name } else { format!("{name} (but for {})", counted(k.duplicates + k.missing, "row")) }
        })
        .collect();
    if !keys.is_empty() {
        lines.push(("keys", keys.join(", ")));
    }
    let mut by: Vec<(String, Vec<String>)> = Vec::new();
    for d in &p.dependencies {
        let determinant = d.determinant.join(" + ");
        let share = if d.violations == 0 { String::new() } else { format!(" {:.1}%", (d.agreement() * 1000.0).floor() / 10.0) };
        let text = format!("{}{share}", d.dependent);
        match by.iter_mut().find(|(name, _)| *name == determinant) {
            Some((_, all)) => all.push(text),
            None => by.push((determinant, vec![text])),
        }
    }
    for (i, (determinant, all)) in by.iter().take(5).enumerate() {
        let more = if all.len() > 6 { format!(" and {} more", all.len() - 6) } else { String::new() };
        lines.push((if i == 0 { "decides" } else { "" }, format!("{determinant} → {}{more}", all[..all.len().min(6)].join(", "))));
    }
    let mut seen = std::collections::BTreeSet::new();
    let together: Vec<String> = p
        .correlations
        .iter()
        .filter(|c| seen.insert((&c.left, &c.right)))
        .take(4)
        .map(|c| format!("{} ~ {} {:.2}", c.left, c.right, c.value))
        .collect();
    if !together.is_empty() {
        lines.push(("together", together.join(", ")));
    }
    for t in p.time.iter().take(3) {
        let counts: Vec<u64> = t.series.iter().map(|(_, n)| *n).collect();
        let day = |m: &str| m.get(..10).unwrap_or(m).to_string();
        lines.push(("time", format!("{}  {} {} {}", t.column, day(&t.first), bars(&counts, 40), day(&t.last))));
    }
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    for (label, text) in lines {
        for (i, line) in wrapped(&visible(&text), width - 10).into_iter().enumerate() {
            writeln!(out, "{} {line}", paint(&format!("{:<9}", if i == 0 { label } else { "" }), Tone::Dim, look.colour))?;
        }
    }
    Ok(())
}

fn target(t: &TargetComparison, look: Look, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let (what, show): (String, fn(f64) -> String) = match &t.value {
        Some(value) => (format!("share of {} = {}", t.column, visible(value)), |v| format!("{:.1}%", v * 100.0)),
        None => (format!("mean of {}", t.column), figure),
    };
    writeln!(out, "\n{what}: {} overall; the most telling columns:", show(t.overall))?;
    let mut grid = Grid::new(&["column", "group", "#rows", "#here", "#times"]);
    for c in t.columns.iter().take(5) {
        let mut groups: Vec<_> = c.groups.iter().filter(|g| g.rows * 200 >= t.rows || c.groups.len() <= 4).collect();
        groups.sort_by(|a, b| b.figure.total_cmp(&a.figure));
        for (i, g) in groups.iter().take(3).enumerate() {
            let times = if t.overall == 0.0 { String::new() } else { format!("{:.2}", g.figure / t.overall) };
            let name = if i == 0 { visible(&c.column) } else { String::new() };
            grid.push(vec![
                Cell::new(name),
                Cell::new(visible(&g.label)),
                Cell::new(grouped(g.rows)),
                Cell::new(show(g.figure)),
                Cell::new(times),
            ]);
        }
    }
    grid.write(out, Some(width), look.colour)?;
    Ok(())
}
