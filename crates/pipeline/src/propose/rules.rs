//! Which preparation a table gets: what is sure is in force, what is doubtful is proposed as a comment with its evidence.

use super::columns::type_name;
use super::duplicates;
use super::look::{Look, Seen};
use super::repairs;
use super::text::{counted, figure, has_word, ident, list, literal, quoted, quoted_list, shown};
use arrow::datatypes::DataType;
use std::collections::BTreeSet;
use tidemill_core::OnInvalid;
use tidemill_prepare::profile::{Class, State};

/// What a table's file says beside its columns.
#[derive(Default)]
pub(super) struct Draft {
    pub key: Vec<String>,
    /// Beside the key: why it is one, or why there is none.
    pub key_comment: String,
    pub load: &'static str,
    pub load_comment: &'static str,
    /// Columns of a type but for a few cells that no rule can mend.
    pub typed: BTreeSet<String>,
    pub rules: Vec<Proposed>,
}

pub(super) struct Proposed {
    pub active: bool,
    /// In a few words, for the report.
    pub said: String,
    /// Lines above the rule.
    pub why: Vec<String>,
    /// Lines under `[[clean]]`.
    pub lines: Vec<String>,
}

impl Draft {
    pub fn said(&self, active: bool) -> Vec<String> {
        self.rules.iter().filter(|r| r.active == active).map(|r| r.said.clone()).collect()
    }
}

/// Columns named by one kind of proposal.
const PROPOSED_MAX: usize = 6;

pub(super) fn draft(look: &Look) -> Draft {
    let mut d = Draft { load: "append", load_comment: "new files add their rows; a changed file replaces its own", ..Draft::default() };
    if let [one] = &look.group.paths[..]
        && look.group.entries.len() == 1
        && !one.contains(['*', '?', '['])
    {
        d.load = "replace";
        d.load_comment = "the file is the whole truth: a new one takes the old one's place";
    }
    key(look, &mut d);
    let text: Vec<&Seen> = look.columns.iter().filter(|c| c.read.data_type == DataType::Utf8).collect();
    glued(look, &text, &mut d);
    let mended = repairs::by_others(look, &text, &mut d);
    repairs::spellings(look, &mut d);
    casts(look, &mended, &mut d);
    // Known only now is which columns are text for the rules; this one comes first all the same.
    tidy(look, &text, &mut d);
    duplicates::propose(look, &mut d);
    repairs::laws(look, &mended, &mut d);
    repairs::same_words(look, &mut d);
    repairs::forms(look, &mut d);
    proposals(look, &mut d);
    d
}

/// One column that names each row: by its name, or since it stands first.
fn key(look: &Look, d: &mut Draft) {
    let exact = look.profile.keys.iter().filter(|k| k.duplicates == 0 && k.missing == 0 && k.is_counted);
    let rows = look.profile.rows;
    let named = |c: &str| {
        look.column(c).is_some_and(|s| {
            has_word(&s.read.name, &s.read.label, &["id", "no", "nr", "number", "key", "index", "code", "uuid", "sku", "rowid"])
        })
    };
    let plausible = |c: &str| {
        look.column(c)
            .is_some_and(|s| s.cast_to.is_none() && matches!(s.read.data_type, DataType::Int64 | DataType::Int32 | DataType::Utf8))
            && (named(c) || look.columns.first().is_some_and(|f| f.read.name == c))
    };
    let mut singles: Vec<&str> = exact.filter(|k| k.columns.len() == 1).map(|k| k.columns[0].as_str()).filter(|c| plausible(c)).collect();
    // `id` before `index` before what only stands first.
    singles.sort_by_key(|c| (!has_word(c, c, &["id", "uuid", "key"]), !named(c)));
    if rows < 2 || look.rejects.values().any(|n| *n > rows / 2) {
        return;
    }
    if let Some(best) = singles.first() {
        d.key = vec![(*best).to_string()];
        d.key_comment = format!("no two of the {} have the same", counted(rows, "row"));
        return;
    }
    let nearly = look.profile.keys.iter().find(|k| k.columns.len() == 1 && named(&k.columns[0]) && k.duplicates + k.missing > 0);
    let several = look.profile.keys.iter().find(|k| k.columns.len() > 1 && k.duplicates == 0 && k.missing == 0);
    d.key_comment = match (several, nearly) {
        (Some(k), _) => format!("key = {}   # no two rows have the same together; a key, if that is no accident", quoted_list(&k.columns)),
        (None, Some(k)) if k.duplicates < rows / 20 => {
            format!(
                "key = {}   # but {} repeat another's, {} lack it",
                quoted_list(&k.columns),
                counted(k.duplicates, "row"),
                figure(k.missing)
            )
        }
        _ => String::new(),
    };
}

fn tidy(look: &Look, text: &[&Seen], d: &mut Draft) {
    let padded: Vec<&str> = text
        .iter()
        .filter(|c| !d.typed.contains(&c.read.name))
        .filter(|c| look.profiled(&c.read.name).and_then(|p| p.texts.as_ref()).is_some_and(|t| t.padded > 0) || c.read.trim)
        .map(|c| c.read.name.as_str())
        .collect();
    if !padded.is_empty() {
        let rule = Proposed {
            active: true,
            said: format!("trim {}", list(&padded, 4)),
            why: vec!["Stray spaces at the ends.".into()],
            lines: vec!["rule = \"text\"".into(), format!("columns = {}", quoted_list(&padded))],
        };
        d.rules.insert(0, rule);
    }
}

/// Whether a column is text, and not only until a rule has cast it.
pub(super) fn is_text(c: &Seen) -> bool {
    c.read.data_type == DataType::Utf8 && (c.cast_to.is_none() || c.stays_text)
}

/// A value that ends with what its neighbour lacks.
fn glued(look: &Look, text: &[&Seen], d: &mut Draft) {
    for wide in text {
        let Some(values) = wide.guess.as_ref().and_then(|g| g.evidence.values.as_ref()) else { continue };
        for narrow in text.iter().filter(|n| n.read.name != wide.read.name) {
            let Some(p) = look.profiled(&narrow.read.name) else { continue };
            let Some(parts) = narrow.guess.as_ref().and_then(|g| g.evidence.values.as_ref()) else { continue };
            if p.missing == 0 || parts.len() < 3 || parts.len() > 2_000 || parts.len() >= values.len() {
                continue;
            }
            let mut rows = 0;
            let mut example = None;
            for (value, n) in values {
                let Some((head, tail)) = value.rsplit_once([' ', ',', '/', '-']) else { continue };
                let head = head.trim_end_matches([',', ' ', '-', '/']);
                if parts.contains_key(tail) && values.contains_key(head) && values[head] >= *n {
                    rows += n;
                    example = example.min(Some(value.to_string())).or(Some(value.to_string()));
                }
            }
            if rows < 3 || rows > p.missing {
                continue;
            }
            d.rules.push(Proposed {
                active: true,
                said: format!("split what holds {} and {}", wide.read.name, narrow.read.name),
                why: vec![format!(
                    "{} of {} end with a {}, where that is missing: {:?}.",
                    counted(rows, "value"),
                    wide.read.name,
                    narrow.read.name,
                    shown(&example.unwrap_or_default())
                )],
                lines: vec![
                    "rule = \"repair\"".into(),
                    format!("columns = {}", quoted_list(&[&wide.read.name, &narrow.read.name])),
                    "glued = true".into(),
                ],
            });
            break;
        }
    }
}

/// Columns that are of a type but for a few cells. Where the cells can be mended, the type comes after; else they are read as the type at once.
fn casts(look: &Look, mended: &BTreeSet<String>, d: &mut Draft) {
    for c in look.columns.iter() {
        let (Some(to), Some(g), false) = (&c.cast_to, &c.guess, c.stays_text) else { continue };
        if mended.contains(&c.read.name) {
            d.rules.push(Proposed {
                active: true,
                said: format!("read {} as {}", c.read.name, type_name(to)),
                why: vec![format!(
                    "{} are no {} as they came; what the repair above leaves becomes NULL, counted.",
                    counted(g.bad_rows, "cell"),
                    type_name(to)
                )],
                lines: vec![
                    "rule = \"cast\"".into(),
                    format!("columns = {}", quoted_list(&[&c.read.name])),
                    format!("type = {}", quoted(&type_name(to))),
                ],
            });
        } else {
            d.typed.insert(c.read.name.clone());
        }
    }
}

/// What an analyst would think about, and only they can decide.
fn proposals(look: &Look, d: &mut Draft) {
    let p = &look.profile;
    let mut push = |said: String, why: String, lines: Vec<String>| d.rules.push(Proposed { active: false, said, why: vec![why], lines });
    for c in p.conditions.iter().take(3) {
        let (class, sql) = match &c.class {
            Class::Begins(b) => (
                format!("begins with {b}"),
                format!("{} LIKE {}", ident(&c.column), literal(&format!("{}%", b.replace('%', "\\%").replace('_', "\\_")))),
            ),
            Class::Value(v) => (format!("is {}", shown(v)), format!("{} = {}", ident(&c.column), literal(v))),
            _ => continue,
        };
        if !matches!(c.state, State::Negative | State::Missing | State::Zero)
            || look.column(&c.column).is_none_or(|s| s.read.data_type != DataType::Utf8)
        {
            continue;
        }
        let state = match c.state {
            State::Missing => format!("lack {}", c.other),
            s => format!("have a {} {}", s.as_str(), c.other),
        };
        push(
            format!("mark rows whose {} {class}", c.column),
            format!("All {} whose {} {class} {state}: a kind of its own.", counted(c.rows, "row"), c.column),
            vec![
                "rule = \"derive\"".into(),
                format!("column = {}", quoted(&format!("{}_special", c.column))),
                format!("sql = {}", quoted(&sql)),
            ],
        );
    }
    let mut few = 0;
    for c in &p.columns {
        let Some(seen) = look.column(&c.name) else { continue };
        let share = c.missing as f64 / c.rows.max(1) as f64;
        if c.numbers.is_some() && c.missing > 0 && share < 0.4 && d_is_measure(seen) && few < PROPOSED_MAX {
            few += 1;
            push(
                format!("fill {}", c.name),
                format!("{} of {} lack {}; the median would hide that.", figure(c.missing), counted(c.rows, "row"), c.name),
                vec!["rule = \"missing\"".into(), format!("column = {}", quoted(&c.name)), "with = \"median\"".into()],
            );
        }
    }
    let far: Vec<_> = p
        .columns
        .iter()
        .filter(|c| look.column(&c.name).is_some_and(d_is_measure))
        .filter_map(|c| c.numbers.as_ref().filter(|n| n.outliers > 0 && n.outliers * 50 < c.rows).map(|n| (c.name.as_str(), n.outliers)))
        .collect();
    if !far.is_empty() {
        let names: Vec<&str> = far.iter().map(|(n, _)| *n).take(PROPOSED_MAX).collect();
        let said: Vec<String> = far.iter().map(|(n, o)| format!("{n} {}", figure(*o))).collect();
        push(
            format!("flag outliers of {}", list(&names, 3)),
            format!("Far from the rest (beyond 3 interquartile ranges): {}.", list(&said, 4)),
            vec![
                "rule = \"outliers\"".into(),
                format!("columns = {}", quoted_list(&names)),
                "factor = 3.0".into(),
                "action = \"flag\"".into(),
            ],
        );
    }
    let constant: Vec<&str> = p
        .columns
        .iter()
        .filter(|c| c.rows > 1 && c.distinct.count <= 1 && (c.missing == 0 || c.missing == c.rows))
        .map(|c| c.name.as_str())
        .collect();
    if !constant.is_empty() && constant.len() < p.columns.len() {
        push(
            format!("drop {}", list(&constant, 4)),
            "The same in every row.".into(),
            vec!["rule = \"drop\"".into(), format!("columns = {}", quoted_list(&constant)), "when = \"constant\"".into()],
        );
    }
}

/// A number that is measured, not one that names something.
fn d_is_measure(c: &Seen) -> bool {
    matches!(c.read.data_type, DataType::Int64 | DataType::Float64 | DataType::Decimal128(..))
        && c.read.on_invalid == OnInvalid::Quarantine
        && !has_word(&c.read.name, &c.read.label, &["id", "no", "nr", "key", "code", "index", "zip", "customerid", "year"])
}
