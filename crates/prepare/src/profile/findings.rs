//! What a person should look at, worst first, each with what to do about it.

use super::{Class, ColumnProfile, Finding, Profile, Severity, Suspicious, Why};
use crate::cells::{figure, is_whole};
use arrow::datatypes::DataType;
use std::collections::{BTreeMap, BTreeSet};

/// More findings of one kind than this say no more than this many.
const OF_A_KIND: usize = 12;

/// `given`: what is known from elsewhere.
pub(super) fn findings(p: &Profile, given: &[Finding]) -> Vec<Finding> {
    let mut out = given.to_vec();
    table(p, &mut out);
    for c in &p.columns {
        column(p, c, &mut out);
    }
    identical(p, &mut out);
    super::laws::dependencies(p, &mut out);
    super::laws::sources(p, &mut out);
    conditions(p, &mut out);
    correlated(p, &mut out);
    coverage(p, &mut out);
    long_tails(&mut out);
    ranked(out)
}

/// Worst first: errors, warnings, notes; within them by kind and rows. Of a kind with many, the first few stay.
pub fn ranked(mut all: Vec<Finding>) -> Vec<Finding> {
    all.sort_by(|a, b| {
        let rank = |f: &Finding| (f.severity, order(f.code));
        rank(a).cmp(&rank(b)).then(b.rows.cmp(&a.rows)).then_with(|| a.text.cmp(&b.text))
    });
    let mut seen: BTreeMap<(&str, Severity), usize> = BTreeMap::new();
    all.retain(|f| {
        let n = seen.entry((f.code, f.severity)).or_insert(0);
        *n += 1;
        *n <= if f.code == "outliers" { 4 } else { OF_A_KIND }
    });
    all
}

/// Kinds in the order a person would want to know of them.
const ORDER: &[&str] = &[
    "no_rows",
    "rejected",
    "magnitudes",
    "encoding",
    "control",
    "title",
    "second_header",
    "foot",
    "empty_rows",
    "kind_change",
    "words",
    "duplicate_rows",
    "duplicates_ignoring",
    "near_duplicates",
    "key_broken",
    "empty",
    "empty_text",
    "missing",
    "condition",
    "invalid",
    "kind",
    "placeholder",
    "future",
    "dated",
    "lost_zero",
    "mark",
    "sources",
    "spelling",
    "variant",
    "unit",
    "padding",
    "shape",
    "dependency_broken",
    "negative",
    "zero",
    "spike",
    "outliers",
    "number_text",
    "code",
    "epoch",
    "negative_form",
    "constant",
    "identical",
    "neighbours",
    "gap",
    "weekday_gap",
    "dependency",
    "correlation",
    "no_key",
    "sampled",
];

fn order(code: &str) -> usize {
    ORDER.iter().position(|o| *o == code).unwrap_or(ORDER.len())
}

/// `2240` → `2,240`
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(d);
    }
    out
}

pub(super) fn rows(n: u64) -> String {
    format!("{} row{}", grouped(n), if n == 1 { "" } else { "s" })
}

pub(super) fn percent(n: u64, of: u64) -> String {
    let share = n as f64 / of.max(1) as f64 * 100.0;
    match share {
        _ if n == of => "100 %".into(),
        s if s < 0.1 => "less than 0.1 %".into(),
        s => format!("{:.1} %", s.min(99.9)),
    }
}

/// A value within a sentence.
pub(super) fn quoted(value: &str) -> String {
    let short: String = value.chars().take(40).collect();
    let dots = if short.len() < value.len() { "…" } else { "" };
    format!("\"{}{dots}\"", short.replace(['\n', '\r', '\t'], " "))
}

pub(super) fn listed(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

pub(super) struct Found<'a> {
    pub(super) out: &'a mut Vec<Finding>,
    pub(super) column: Option<&'a str>,
}

impl Found<'_> {
    pub(super) fn add(&mut self, code: &'static str, severity: Severity, rows: u64, text: String, help: impl Into<String>) {
        let help = help.into();
        let help = (!help.is_empty()).then_some(help);
        self.out.push(Finding { code, severity, column: self.column.map(str::to_string), text, rows, help });
    }
}

fn table(p: &Profile, out: &mut Vec<Finding>) {
    let mut found = Found { out, column: None };
    if p.rows == 0 {
        found.add("no_rows", Severity::Warning, 0, "there are no rows".into(), "");
    }
    if p.rejected > 0 {
        let why: Vec<String> = p
            .rejects
            .iter()
            .take(3)
            .map(|r| match &r.column {
                Some(c) => format!("{} in `{c}`: {}", r.code, grouped(r.rows)),
                None => format!("{}: {}", r.code, grouped(r.rows)),
            })
            .collect();
        found.add(
            "rejected",
            Severity::Error,
            p.rejected,
            format!("{} can't be read ({})", rows(p.rejected), why.join(", ")),
            "a run puts them into `quarantine.TABLE` with line, raw text and reason; mend the column's type or the file, then `tidemill quarantine replay`",
        );
    }
    let about = if p.duplicates.is_counted { "" } else { "about " };
    if p.duplicates.exact > 0 {
        let n = p.duplicates.exact;
        let text = format!("{about}{} repeat{} an earlier row in every column ({})", rows(n), s(n), percent(n, p.rows));
        found.add("duplicate_rows", Severity::Warning, n, text, "`[[clean]] rule = \"duplicates\"` keeps the first of each");
    }
    // Where most rows repeat another, the key is what tells them apart, and nothing is wrong.
    for (column, n) in p.duplicates.ignoring.iter().filter(|(_, n)| n * 3 <= p.rows) {
        let mut text = format!("{} repeat{} another when `{column}` is ignored ({})", rows(*n), s(*n), percent(*n, p.rows));
        if p.duplicates.exact > 0 {
            text.push_str(&format!(", {} more than in every column", grouped(n - p.duplicates.exact)));
        }
        found.add(
            "duplicates_ignoring",
            Severity::Warning,
            *n,
            text,
            format!("if these are the same, `rule = \"duplicates\"` with `ignore = [\"{column}\"]`"),
        );
    }
    for near in p.duplicates.near.iter().take(5) {
        let ignoring = near.ignoring.as_ref().map(|c| format!(" (`{c}` ignored)")).unwrap_or_default();
        let example = near.examples.first().map(|(a, b)| format!(", such as {} and {}", quoted(a), quoted(b))).unwrap_or_default();
        let n = near.rows;
        let differs = match &near.column {
            None => "in case, accents, spaces or punctuation only".to_string(),
            Some(c) => format!("in a few letters of `{c}` only"),
        };
        let text = format!("{} differ{} from an earlier one {differs}{ignoring}{example}", rows(n), s(n));
        found.add(
            "near_duplicates",
            Severity::Warning,
            n,
            text,
            "`rule = \"duplicates\"` with `like = [\"…\"]` lists rows with nearly equal texts",
        );
    }
    let whole = p.keys.iter().any(|k| k.duplicates == 0 && k.missing == 0);
    if p.rows > 1 && !whole {
        if let Some(k) = p.keys.first() {
            let (n, what) = if k.duplicates > 0 { (k.duplicates, "repeat") } else { (k.missing, "lack") };
            let end = if n == 1 { "s" } else { "" };
            let text = format!(
                "{} nearly tell{} rows apart; {} {what}{end} it",
                listed(&k.columns),
                if k.columns.len() == 1 { "s" } else { "" },
                rows(n)
            );
            let text = if k.columns.len() > 1 { text.replace(" it", " them") } else { text };
            let help = format!(
                "with `key = [{}]` later rows with a taken key go to quarantine",
                k.columns.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ")
            );
            found.add("key_broken", Severity::Warning, n, text, help);
        } else if p.sampled.is_none() {
            found.add(
                "no_key",
                Severity::Note,
                0,
                "no column and no two or three together tell rows apart".into(),
                "without a key, changed rows can't be merged: `load = \"append\"` or `\"replace\"`",
            );
        }
    }
    if let Some(n) = p.sampled {
        let text = format!("what concerns several columns was looked for in {} of {}", grouped(n), rows(p.rows));
        found.add("sampled", Severity::Note, 0, text, "");
    }
}

/// `s` of a verb after one row.
pub(super) fn s(n: u64) -> &'static str {
    if n == 1 { "s" } else { "" }
}

fn column(p: &Profile, c: &ColumnProfile, out: &mut Vec<Finding>) {
    let name = c.name.as_str();
    let told: Vec<&'static str> = out.iter().filter(|f| f.column.as_deref() == Some(name)).map(|f| f.code).collect();
    let mut found = Found { out, column: Some(name) };
    let present = c.rows - c.missing;
    if c.invalid > 0 {
        let n = c.invalid;
        let text = format!(
            "`{name}` holds {} value{} that {} no {}",
            grouped(n),
            if n == 1 { "" } else { "s" },
            if n == 1 { "is" } else { "are" },
            type_name(&c.data_type)
        );
        found.add(
            "invalid",
            Severity::Error,
            n,
            text,
            format!("give the column another type, or `on_invalid = \"null\"` under `[columns.{name}]`"),
        );
    }
    if c.rows > 0 && present == 0 {
        found.add(
            "empty",
            Severity::Warning,
            c.rows,
            format!("`{name}` has no value in any row"),
            format!("`rule = \"drop\"` with `columns = [\"{name}\"]`"),
        );
        return;
    }
    if c.missing > 0 {
        let severity = if c.missing * 20 >= c.rows { Severity::Warning } else { Severity::Note };
        let text = format!("`{name}` is missing in {} ({})", rows(c.missing), percent(c.missing, c.rows));
        found.add("missing", severity, c.missing, text, "`required = true` sets such rows aside; `rule = \"missing\"` fills them");
    }
    if c.distinct.exact && c.distinct.count == 1 && c.rows > 1 {
        let (value, _) = c.top.first().cloned().unwrap_or_default();
        let text = if c.missing == 0 {
            format!("`{name}` is {} in every row", quoted(&value))
        } else {
            format!("`{name}` is {} or missing", quoted(&value))
        };
        found.add(
            "constant",
            Severity::Warning,
            present,
            text,
            format!("it tells nothing: `rule = \"drop\"` with `columns = [\"{name}\"]`"),
        );
    }
    if let Some(t) = &c.texts
        && !told.iter().any(|code| ["words", "magnitudes", "kind_change", "code"].contains(code))
        && t.numeric > 0
        && (t.numeric * 100 >= present * 99 || t.numeric * 100 >= present * 90 && c.suspicious.iter().any(|s| s.why == Why::OddKind))
        && !c.top.iter().any(|(v, _)| v.starts_with('0') && v.len() > 1)
    {
        let text = format!("`{name}` is text, though {} of its values read as numbers", percent(t.numeric, present));
        found.add("number_text", Severity::Note, t.numeric, text, "a type in `[columns]` makes them numbers, and sets aside what is none");
    }
    suspicious(p, c, &told, &mut found);
    if let Some(n) = &c.numbers {
        let share = |k: u64| k as f64 / present.max(1) as f64;
        // What stands for "not known" says nothing about the numbers.
        let stand_ins: Vec<(f64, u64)> = c
            .suspicious
            .iter()
            .filter(|s| s.why == Why::Placeholder && s.confidence >= 0.5)
            .filter_map(|s| Some((s.value.parse().ok()?, s.rows)))
            .collect();
        let standing: u64 = stand_ins.iter().map(|(_, n)| n).sum();
        if n.negatives > 0 && stand_ins.iter().all(|(v, _)| *v >= 0.0) && share(n.negatives) <= 0.05 && c.distinct.count > 2 {
            let text =
                format!("`{name}` is negative in {} ({}), down to {}", rows(n.negatives), percent(n.negatives, present), figure(n.min));
            found.add(
                "negative",
                Severity::Warning,
                n.negatives,
                text,
                format!(
                    "if that can't be, `min = 0` under `[columns.{name}]`; if it means something, `rule = \"derive\"` a column that says so"
                ),
            );
        }
        if n.zeros > 0 && share(n.zeros) <= 0.02 && n.min >= 0.0 && c.distinct.count > 20 && !is_whole(&c.data_type) {
            let text = format!("`{name}` is 0 in {} ({})", rows(n.zeros), percent(n.zeros, present));
            found.add("zero", Severity::Note, n.zeros, text, format!("if 0 stands for \"not known\": `rule = \"invalid\"` on `{name}`"));
        }
        let identifier = c.distinct.count as f64 > 0.9 * present as f64 && is_whole(&c.data_type);
        if n.outliers > standing * 2 && share(n.outliers) <= 0.05 && c.distinct.count > 20 && !identifier {
            let severity = if share(n.outliers) <= 0.01 { Severity::Warning } else { Severity::Note };
            let text = format!(
                "`{name}` lies far outside in {} ({}): {} to {}, half of all within {} and {}",
                rows(n.outliers),
                percent(n.outliers, present),
                figure(n.min),
                figure(n.max),
                quantile(n, 0.25),
                quantile(n, 0.75)
            );
            found.add(
                "outliers",
                severity,
                n.outliers,
                text,
                format!("`rule = \"outliers\"` on `{name}` with `method = \"iqr\"`, `factor = 3.0` caps, clears or drops them"),
            );
        }
        if n.not_finite > 0 {
            found.add("kind", Severity::Warning, n.not_finite, format!("`{name}` is NaN or infinite in {}", rows(n.not_finite)), "");
        }
    }
    if let Some(k) =
        p.keys.iter().find(|k| k.columns.len() == 1 && k.columns[0] == c.name && k.duplicates > 0 && k.duplicates * 200 <= c.rows)
        && p.keys.first().is_none_or(|first| first.columns != k.columns || first.duplicates == 0)
        && !matches!(c.data_type, DataType::Float32 | DataType::Float64 | DataType::Date32 | DataType::Timestamp(..))
    {
        let text = format!("`{name}` is unique but for {}", rows(k.duplicates));
        found.add(
            "key_broken",
            Severity::Warning,
            k.duplicates,
            text,
            format!("with `key = [\"{name}\"]` later rows with a taken key go to quarantine"),
        );
    }
}

fn quantile(n: &super::NumberProfile, q: f64) -> String {
    n.quantiles.iter().find(|(x, _)| *x == q).map_or_else(String::new, |(_, v)| super::target::short(*v))
}

pub(super) fn type_name(t: &DataType) -> String {
    match t {
        DataType::Utf8 => "text".into(),
        DataType::Boolean => "bool".into(),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => "int".into(),
        DataType::Float32 | DataType::Float64 => "double".into(),
        DataType::Decimal128(p, s) => format!("decimal({p},{s})"),
        DataType::Date32 => "date".into(),
        DataType::Timestamp(_, None) => "timestamp_local".into(),
        DataType::Timestamp(_, Some(_)) => "timestamp".into(),
        other => other.to_string().to_lowercase(),
    }
}

fn suspicious(p: &Profile, c: &ColumnProfile, told: &[&str], found: &mut Found) {
    let mut by: BTreeMap<Why, Vec<&Suspicious>> = BTreeMap::new();
    let is_told = |why: Why| match why {
        Why::Unit => told.contains(&"magnitudes"),
        Why::OddKind => told.contains(&"words") || told.contains(&"kind_change"),
        _ => false,
    };
    let name = &c.name;
    // What comes again and again, or goes with other values beside it, is near a frequent value and no slip for it.
    let rare = |s: &&Suspicious| s.why == Why::Spelling && s.confidence >= 0.5;
    let (likely, unlikely): (Vec<_>, Vec<_>) =
        c.suspicious.iter().filter(rare).partition(|s| p.mendings.iter().any(|m| m.column == *name && m.from == s.value));
    let told_here = |s: &&Suspicious| s.confidence >= 0.5 && s.why != Why::Spelling && !is_told(s.why);
    c.suspicious.iter().filter(told_here).for_each(|s| by.entry(s.why).or_default().push(s));
    if !likely.is_empty() {
        by.insert(Why::Spelling, likely);
    }
    if let Some((first, meant)) = unlikely.first().and_then(|s| Some((s, s.meant.as_ref()?))) {
        let n: u64 = unlikely.iter().map(|s| s.rows).sum();
        let more = if unlikely.len() > 1 { format!(", and {} more such", unlikely.len() - 1) } else { String::new() };
        let text = format!(
            "`{name}` has rare values near frequent ones that may be right: {} beside {}{more} in {}",
            quoted(&first.value),
            quoted(meant),
            rows(n)
        );
        found.add(
            "neighbours",
            Severity::Note,
            n,
            text,
            format!("if they are slips: `rule = \"repair\"` on `{name}` with the right values in `to`"),
        );
    }
    for (why, all) in by {
        let n: u64 = all.iter().map(|s| s.rows).sum();
        let first = all[0];
        let more = if all.len() > 1 {
            format!(" and {} other value{}", all.len() - 1, if all.len() == 2 { "" } else { "s" })
        } else {
            String::new()
        };
        let meant = first.meant.as_ref().map(|m| format!(" for {}", quoted(m))).unwrap_or_default();
        let such = format!("{}{meant}{more} in {}", quoted(&first.value), rows(n));
        let repair = format!("`rule = \"repair\"` on `{name}` with `frequent = true`, or with the right values in `to`");
        let (code, severity, text, help) = match why {
            Why::Encoding => (
                "encoding",
                Severity::Error,
                format!("`{name}` was read in the wrong encoding somewhere: {such}"),
                "the file may mix encodings; set `encoding` under `[source]`".to_string(),
            ),
            Why::Control => (
                "control",
                Severity::Warning,
                format!("`{name}` holds invisible characters: {such}"),
                format!("`rule = \"text\"` on `{name}`"),
            ),
            Why::Placeholder => (
                "placeholder",
                Severity::Warning,
                format!("`{name}` has what looks like a stand-in for \"not known\": {such}"),
                format!("`nulls = [{}]` under `[columns.{name}]`, or `rule = \"invalid\"`", quoted(&first.value)),
            ),
            Why::Spelling => ("spelling", Severity::Warning, format!("`{name}` has rare spellings near frequent ones: {such}"), repair),
            Why::Variant => (
                "variant",
                Severity::Warning,
                format!("`{name}` writes the same value in several ways: {such}"),
                format!("`rule = \"text\"` or `rule = \"repair\"` on `{name}`"),
            ),
            Why::Padding => (
                "padding",
                Severity::Note,
                format!("`{name}` has spaces around values: {such}"),
                format!("`rule = \"text\"` with `trim = true` on `{name}`"),
            ),
            Why::OddKind => (
                "kind",
                Severity::Warning,
                format!("`{name}` mixes numbers and texts: {such}"),
                format!("a type under `[columns.{name}]` sets aside what is none"),
            ),
            Why::Shape => (
                "shape",
                Severity::Note,
                format!("`{name}` has values of an unusual form: {such}"),
                format!("`check` under `[columns.{name}]` sets them aside"),
            ),
            Why::Mark => (
                "mark",
                Severity::Warning,
                format!("`{name}` lacks a mark that nearly all its codes have: {such}"),
                format!("`rule = \"derive\"` puts it in; `check` under `[columns.{name}]` sets such rows aside"),
            ),
            Why::Zero => (
                "lost_zero",
                Severity::Warning,
                format!("`{name}` has codes that lost a zero before them: {such}"),
                format!("`rule = \"derive\"` with `lpad({name}, …, '0')`"),
            ),
            Why::Dated => (
                "dated",
                Severity::Warning,
                format!("`{name}` has numbers that a spreadsheet made dates of: {such}"),
                "what they were can't be told for sure: export them again as text".to_string(),
            ),
            Why::Unit => (
                "unit",
                Severity::Warning,
                format!("`{name}` mixes units or notations: {such}"),
                format!("`type = \"double\"` and `units = […]` under `[columns.{name}]`"),
            ),
            Why::Rare => (
                "rare",
                Severity::Note,
                format!("`{name}` has categories of hardly any row: {such}"),
                format!(
                    "if they are no right values, `accepted = […]` under `[columns.{name}]` sets them aside, `rule = \"repair\"` mends them"
                ),
            ),
            Why::Spike => (
                "spike",
                Severity::Warning,
                format!("`{name}` has a value far from all others: {such}"),
                format!("`min`/`max` under `[columns.{name}]`, or `rule = \"invalid\"`"),
            ),
            Why::Future => (
                "future",
                Severity::Warning,
                format!("`{name}` has dates that have not come yet: {such}"),
                format!("`rule = \"invalid\"` on `{name}`"),
            ),
        };
        found.add(code, severity, n, text, help);
    }
}

/// Columns with many far values are skewed rather than wrong: several of them are one finding.
fn long_tails(out: &mut Vec<Finding>) {
    let is = |f: &Finding| f.code == "outliers" && f.severity == Severity::Note;
    let mut names: Vec<(u64, String)> = out.iter().filter(|f| is(f)).filter_map(|f| Some((f.rows, f.column.clone()?))).collect();
    if names.len() <= 2 {
        return;
    }
    out.retain(|f| !is(f));
    names.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let rows = names[0].0;
    let shown: Vec<String> = names.iter().take(4).map(|n| n.1.clone()).collect();
    let more = if names.len() > 4 { format!(" and {} more", names.len() - 4) } else { String::new() };
    let list = listed(&shown);
    let list = if more.is_empty() { list } else { list.replace(" and `", ", `") };
    let text = format!("{list}{more} have long tails: up to {} far outside of the rest", self::rows(rows));
    let help = Some("`rule = \"outliers\"` with `method = \"iqr\"` caps them".to_string());
    out.push(Finding { code: "outliers", severity: Severity::Note, column: None, text, rows, help });
}

fn identical(p: &Profile, out: &mut Vec<Finding>) {
    for (a, b) in &p.identical {
        let mut found = Found { out: &mut *out, column: Some(b) };
        found.add(
            "identical",
            Severity::Warning,
            p.rows,
            format!("`{b}` equals `{a}` in every row"),
            format!("one is enough: `rule = \"drop\"` with `columns = [\"{b}\"]`"),
        );
    }
}

fn conditions(p: &Profile, out: &mut Vec<Finding>) {
    // Of one class and column, what says most; values of categories are many and say less.
    let mut told = 0;
    for c in &p.conditions {
        let special = matches!(c.class, Class::Begins(_) | Class::Shape(_));
        let rare = (c.elsewhere as f64) < 0.05 * c.outside as f64;
        if !special && (!rare || told >= 6) {
            continue;
        }
        told += usize::from(!special);
        let which = match &c.class {
            Class::Begins(letters) => format!("whose `{}` starts with {letters}", c.column),
            Class::Shape(shape) => format!("whose `{}` looks like {shape}", c.column),
            Class::Value(value) => format!("whose `{}` is {}", c.column, quoted(value)),
            Class::Missing => format!("without `{}`", c.column),
        };
        let state = match c.state {
            super::State::Missing => format!("all lack `{}`", c.other),
            super::State::Present => format!("all have a `{}`", c.other),
            super::State::Zero => format!("all have a `{}` of 0", c.other),
            sign => format!("all have a {} `{}`", sign.as_str(), c.other),
        };
        let text = format!("{} {which} {state}, as do {} of {} others", rows(c.rows), grouped(c.elsewhere), grouped(c.outside));
        let mut found = Found { out: &mut *out, column: Some(&c.column) };
        let severity = if special && rare { Severity::Warning } else { Severity::Note };
        found.add(
            "condition",
            severity,
            c.rows,
            text,
            "they may be of another kind: `rule = \"derive\"` a column that tells them apart, or `rule = \"filter\"`",
        );
    }
}

fn correlated(p: &Profile, out: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    let same: BTreeSet<(&str, &str)> = p.identical.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    for c in p.correlations.iter().filter(|c| c.value.abs() >= 0.9) {
        // What one column decides of another, a coefficient need not tell again.
        if super::laws::are_told(p, &c.left, &c.right) {
            continue;
        }
        if same.contains(&(c.left.as_str(), c.right.as_str())) || !seen.insert((c.left.clone(), c.right.clone())) || seen.len() > 6 {
            continue;
        }
        let how = match c.method {
            super::Method::Pearson => "go together",
            super::Method::Spearman => "rise together",
            _ => "tell nearly the same",
        };
        let how = if c.value < 0.0 { "go against each other" } else { how };
        let mut found = Found { out: &mut *out, column: Some(&c.left) };
        found.add(
            "correlation",
            Severity::Note,
            c.rows,
            format!("`{}` and `{}` {how} ({} {:.2})", c.left, c.right, c.method.as_str().replace('_', " "), c.value),
            "",
        );
    }
}

fn coverage(p: &Profile, out: &mut Vec<Finding>) {
    for t in &p.time {
        let mut found = Found { out: &mut *out, column: Some(&t.column) };
        if t.empty_units > 0
            && t.empty_units * 4 <= t.units
            && let Some((from, to, n)) = t.gaps.first()
        {
            let units = |n: u64| format!("{} {}{}", grouped(n), t.unit, if n == 1 { "" } else { "s" });
            let span = if from == to { from.clone() } else { format!("{from} to {to}") };
            let text = format!(
                "`{}` has no row on {} between {} and {}; the longest gap is {span}{}",
                t.column,
                units(t.empty_units),
                day(&t.first),
                day(&t.last),
                if *n > 1 { format!(" ({})", units(*n)) } else { String::new() }
            );
            found.add("gap", Severity::Note, 0, text, "");
        }
        if !t.weekdays_empty.is_empty() {
            let days = t.weekdays_empty.join(" or ");
            found.add("weekday_gap", Severity::Note, 0, format!("`{}` never falls on a {days}", t.column), "");
        }
    }
}

fn day(moment: &str) -> &str {
    moment.get(..10).unwrap_or(moment)
}
