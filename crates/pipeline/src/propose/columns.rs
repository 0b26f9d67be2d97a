//! The `[columns]` block: one line a column, with what was seen of it as a comment.

use super::look::{Look, Seen};
use super::text::{counted, figure, ident, list, quoted, quoted_list, shown};
use arrow::datatypes::{DataType, TimeUnit};
use std::collections::BTreeMap;
use tidemill_connect::infer::Doubt;
use tidemill_core::{ColumnRead, Negative, OnInvalid};
use tidemill_prepare::profile::{ColumnProfile, Why};

/// A type as a project writes it.
pub(super) fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "bool".into(),
        DataType::Int8 => "int8".into(),
        DataType::Int16 => "int16".into(),
        DataType::Int32 => "int32".into(),
        DataType::Int64 => "int".into(),
        DataType::Float32 => "float32".into(),
        DataType::Float64 => "double".into(),
        DataType::Decimal128(p, s) => format!("decimal({p}, {s})"),
        DataType::Date32 => "date".into(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "timestamp".into(),
        DataType::Timestamp(..) => "timestamp_local".into(),
        _ => "text".into(),
    }
}

/// `4 text, 2 int, 1 timestamp`
pub(super) fn types_in_words(look: &Look) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for c in &look.columns {
        let name = type_name(c.cast_to.as_ref().filter(|_| !c.stays_text).unwrap_or(&c.read.data_type));
        let short = name.split('(').next().unwrap_or(&name).to_string();
        *counts.entry(short).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    counts.iter().map(|(t, n)| format!("{n} {t}")).collect::<Vec<_>>().join(", ")
}

/// The lines of the block, without its heading. `key` columns are required.
pub(super) fn lines(look: &Look, key: &[String]) -> Vec<String> {
    let declared: Vec<(String, String)> = look.columns.iter().map(|c| (bare_key(&c.read.name), declaration(&c.read, key))).collect();
    // Aligned, unless one long name would push all others away.
    let name_width = declared.iter().map(|(n, _)| n.chars().count()).max().unwrap_or(0).min(32);
    let value_width = declared.iter().map(|(_, v)| v.chars().count()).filter(|w| *w <= 44).max().unwrap_or(0);
    let mut out = Vec::new();
    for (column, (name, value)) in look.columns.iter().zip(&declared) {
        let comment = comment(look, column);
        let line = format!("{name:<name_width$} = {value}");
        match comment.is_empty() {
            true => out.push(line),
            false => out.push(format!("{:<width$} # {comment}", line, width = name_width + 3 + value_width)),
        }
        out.extend(doubts(look, column).into_iter().map(|d| format!("# {d}")));
    }
    out
}

/// A TOML key, quoted where it must be.
fn bare_key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_bare { name.to_string() } else { quoted(name) }
}

fn declaration(read: &ColumnRead, key: &[String]) -> String {
    let mut parts = vec![format!("type = {}", quoted(&type_name(&read.data_type)))];
    let plain = parts[0]["type = ".len()..].to_string();
    // A label is found by its normalised form; only one that lost the fight for its name must be told.
    let is_unnamed = read.label.trim().is_empty() && read.name.starts_with("column_");
    if tidemill_core::name::normalise(&read.label) != read.name && read.label != read.name && !is_unnamed {
        parts.push(format!("from = {}", quoted(&read.label)));
    }
    if key.contains(&read.name) {
        parts.push("required = true".into());
    }
    match &read.formats[..] {
        [] => {}
        [one] => parts.push(format!("format = {}", quoted(one))),
        many => parts.push(format!("formats = {}", quoted_list(many))),
    }
    if !read.null_tokens.is_empty() {
        parts.push(format!("nulls = {}", quoted_list(&read.null_tokens)));
    }
    // Where a number is mended first, the cast comes after, and units with it.
    if let Some(t) = read.thousands {
        parts.push(format!("thousands = {}", quoted(&t.to_string())));
    }
    if read.decimal != '.' {
        parts.push(format!("decimal = {}", quoted(&read.decimal.to_string())));
    }
    if !read.units.is_empty() {
        parts.push(format!("units = {}", quoted_list(&read.units)));
    }
    match read.negative {
        Negative::Minus => {}
        Negative::Parentheses => parts.push("negative = \"parentheses\"".into()),
        Negative::Trailing => parts.push("negative = \"trailing\"".into()),
    }
    if read.on_invalid == OnInvalid::Null {
        parts.push("on_invalid = \"null\"".into());
    }
    if parts.len() == 1 { plain } else { format!("{{ {} }}", parts.join(", ")) }
}

fn comment(look: &Look, column: &Seen) -> String {
    let Some(p) = look.profiled(&column.read.name) else { return String::new() };
    let mut parts = Vec::new();
    if p.rows > 0 && p.missing == p.rows {
        return "never filled".into();
    }
    parts.extend(span(p));
    if let Some(e) = column.guess.as_ref().map(|g| &g.evidence).filter(|e| e.empty_texts > 0 && column.read.data_type == DataType::Utf8) {
        parts.push(format!("{} empty", figure(e.empty_texts)));
    }
    if p.missing > 0 {
        parts.push(format!("{} missing", figure(p.missing)));
    }
    parts.join("; ")
}

/// What the values are, shortly.
fn span(p: &ColumnProfile) -> Option<String> {
    if p.distinct.count == 1 {
        return p.top.first().map(|(v, _)| format!("always {}", visible(v)));
    }
    if let Some(m) = &p.moments {
        return Some(format!("{} to {}", m.first, m.last));
    }
    if let Some(n) = &p.numbers {
        let number = |x: f64| if p.is_plain_number() && x.fract() == 0.0 && x.abs() < 1e15 { format!("{x:.0}") } else { number(x) };
        return (p.rows > p.missing).then(|| format!("{} to {}", number(n.min), number(n.max)));
    }
    let about = if p.distinct.exact { "" } else { "about " };
    match p.distinct.count {
        0 => None,
        n if n <= 5 && p.distinct.exact && p.top.iter().all(|(v, _)| v.chars().count() <= 16) => {
            Some(list(&p.top.iter().map(|(v, _)| visible(v)).collect::<Vec<_>>(), 5))
        }
        n => Some(format!("{about}{}", counted(n, "value"))),
    }
}

/// An empty text would not be seen.
fn visible(value: &str) -> String {
    if value.trim().is_empty() { format!("{value:?}") } else { shown(value) }
}

fn number(x: f64) -> String {
    if x.fract() == 0.0 && x.abs() < 1e15 {
        let n = figure(x.abs() as u64);
        if x < 0.0 { format!("-{n}") } else { n }
    } else {
        format!("{}", (x * 1e4).round() / 1e4)
    }
}

/// What the data leave open, as comments: each names its evidence and what to write instead.
fn doubts(look: &Look, column: &Seen) -> Vec<String> {
    let key = bare_key(&column.read.name);
    let mut out = Vec::new();
    for doubt in column.guess.iter().flat_map(|g| &g.doubts) {
        out.push(match doubt {
            Doubt::DayOrMonth { example } => {
                let other: Vec<String> = column.read.formats.iter().map(|f| swap(f)).collect();
                let example = shown(example);
                format!(
                    "  {example:?} may be day first or month first; day first was taken. Else: {key} = {{ type = \"{}\", formats = {} }}",
                    type_name(&column.read.data_type),
                    quoted_list(&other)
                )
            }
            Doubt::BothOrders { example } => {
                format!("  dates come day first and month first ({:?} among them), so it stays text", shown(example))
            }
            Doubt::Thousands { example } => {
                format!("  {:?} was taken for a thousand; if it is a fraction, write decimal = \",\" in place of thousands", shown(example))
            }
            Doubt::Units { units } => {
                let units: Vec<String> = units.iter().map(|(u, n)| format!("{u:?} {}", figure(*n))).collect();
                format!("  numbers with units that may not be of one size ({}), so it stays text", list(&units, 5))
            }
            // Together below: of one column there is one line.
            Doubt::MaybeMissing { .. } => continue,
            Doubt::Code { because } => format!("  digits, but read as text: {because}"),
            Doubt::Magnitudes { units } => {
                let units: Vec<String> = units.iter().map(|(u, n)| format!("{u:?} {}", figure(*n))).collect();
                format!("  numbers of different sizes ({}), so it stays text", list(&units, 6))
            }
            Doubt::Epoch { parts } => format!("  {parts} since 1970"),
        });
    }
    let tokens = column.guess.iter().flat_map(|g| &g.doubts).filter_map(|d| match d {
        Doubt::MaybeMissing { token, rows } => Some((token, *rows)),
        _ => None,
    });
    let tokens: Vec<(&String, u64)> = tokens.collect();
    if !tokens.is_empty() {
        let nulls: Vec<String> = column.read.null_tokens.iter().chain(tokens.iter().map(|(t, _)| *t)).cloned().collect();
        let said: Vec<String> = tokens.iter().map(|(t, n)| format!("{t:?} ({})", counted(*n, "row"))).collect();
        let mean = if said.len() == 1 { "means" } else { "mean" };
        out.push(format!(
            "{key} = {{ type = \"text\", nulls = {} }}   # instead, if {} {mean} that nothing is known",
            quoted_list(&nulls),
            said.join(", ")
        ));
    }
    if let Some(g) = column.guess.as_ref().filter(|g| g.evidence.empty_texts > 0 && column.read.data_type == DataType::Utf8) {
        let n = counted(g.evidence.empty_texts, "row");
        if g.filled > 0 {
            let mut nulls = column.read.null_tokens.clone();
            nulls.push(String::new());
            let read = ColumnRead { null_tokens: nulls, ..column.read.clone() };
            out.push(format!("{key} = {}   # instead, if an empty text ({n}) means that nothing is known", declaration(&read, &[])));
        }
    }
    stand_ins(look, column, &key, &mut out);
    if let Some(g) = column.guess.as_ref().filter(|g| g.bad_rows > 0) {
        let to = type_name(column.cast_to.as_ref().unwrap_or(&column.read.data_type));
        let bad: Vec<String> = g.bad.iter().map(|(v, _)| format!("{:?}", shown(v))).collect();
        let such = if bad.is_empty() { String::new() } else { format!(" ({})", list(&bad, 3)) };
        if column.stays_text {
            let words: Vec<(&str, u64)> = g.words().collect();
            let n: u64 = words.iter().map(|(_, n)| n).sum();
            let mut read = ColumnRead { data_type: column.cast_to.clone().unwrap_or(DataType::Utf8), ..g.read.clone() };
            let said = match &words[..] {
                [] => format!("if {}{such} may be lost", counted(g.bad_rows, "cell")),
                all => {
                    read.null_tokens.extend(all.iter().map(|(w, _)| (*w).to_string()));
                    let words: Vec<String> = all.iter().map(|(w, _)| format!("{w:?}")).collect();
                    format!("if {} ({}) means that nothing is known", list(&words, 3), counted(n, "row"))
                }
            };
            let lost = g.bad_rows.saturating_sub(n);
            if lost > 0 {
                read.on_invalid = OnInvalid::Null;
            }
            let and = if lost > 0 && n > 0 { format!(", and {} more may be lost", counted(lost, "cell")) } else { String::new() };
            out.push(format!("{key} = {}   # instead, {said}{and}", declaration(&read, &[])));
            return out;
        }
        let fate = match (&column.cast_to, column.read.on_invalid) {
            (Some(_), _) => "read as text, mended and cast below",
            (None, OnInvalid::Null) => "they become NULL, counted; `on_invalid = \"quarantine\"` would set their rows aside",
            (None, OnInvalid::Quarantine) => "their rows go to quarantine, with place and text",
        };
        out.push(format!(
            "  {} no {to}{such}: {fate}",
            if g.bad_rows == 1 { "1 cell is".to_string() } else { format!("{} cells are", figure(g.bad_rows)) }
        ));
    }
    accepted(look, column, &key, &mut out);
    out
}

/// Numbers and days that stand for none.
fn stand_ins(look: &Look, column: &Seen, key: &str, out: &mut Vec<String>) {
    let (Some(p), Some(g)) = (look.profiled(&column.read.name), &column.guess) else { return };
    if column.read.data_type == DataType::Utf8 {
        return;
    }
    let mut tokens: Vec<String> = Vec::new();
    let mut rows = 0;
    for s in p.suspicious.iter().filter(|s| s.why == Why::Placeholder && s.confidence >= 0.7) {
        let spelled = g.spellings(&s.value);
        rows += s.rows;
        tokens.extend(spelled.into_iter().map(|(text, _)| text));
    }
    if tokens.is_empty() {
        return;
    }
    let said: Vec<String> = tokens.iter().map(|t| format!("{t:?}")).collect();
    let mut read = column.read.clone();
    read.null_tokens.extend(tokens);
    out.push(format!(
        "{key} = {}   # instead, if {} ({}) stands for \"not known\"",
        declaration(&read, &[]),
        list(&said, 3),
        counted(rows, "row")
    ));
}

/// The values of a category, if there can be no others.
fn accepted(look: &Look, column: &Seen, key: &str, out: &mut Vec<String>) {
    if let Some(p) = look.profiled(&column.read.name) {
        let is_short = p.top.iter().map(|(v, _)| v.len()).sum::<usize>() < 120;
        let is_category = column.read.data_type == DataType::Utf8
            && p.distinct.exact
            && (2..=8).contains(&p.distinct.count)
            && p.rows - p.missing >= 50 * p.distinct.count
            && p.suspicious.is_empty()
            && p.top.iter().all(|(v, n)| *n >= 5 && !v.is_empty());
        if is_category && is_short && column.cast_to.is_none() {
            let mut values: Vec<&str> = p.top.iter().map(|(v, _)| v.as_str()).collect();
            values.sort_unstable();
            out.push(format!("{key} = {{ type = \"text\", accepted = {} }}   # instead, if there can be no others", quoted_list(&values)));
        }
    }
}

fn swap(format: &str) -> String {
    format.replace("%d", "\u{0}").replace("%m", "%d").replace('\u{0}', "%m")
}

/// `count(*) - count(x)`: how many are missing, in SQL.
pub(super) fn missing_sql(name: &str) -> String {
    format!("count(*) - count({})", ident(name))
}
