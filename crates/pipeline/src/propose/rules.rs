//! Which preparation a table gets: what is sure is in force, what is doubtful is proposed as a comment with its evidence.

use super::columns::type_name;
use super::look::{Look, Seen};
use super::text::{counted, figure, has_word, ident, list, literal, quoted, quoted_list, shown};
use arrow::datatypes::DataType;
use std::collections::{BTreeSet, HashMap};
use tidemill_core::OnInvalid;
use tidemill_prepare::profile::{Class, State, Why};

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

/// Agreement from which a dependency is taken for a law with exceptions, and groups that must speak for it.
const AGREEMENT_MIN: f64 = 0.9;
const GROUPS_MIN: u64 = 5;
/// Odd spellings from which a column is one of typing errors.
const SPELLINGS_MIN: usize = 3;
/// Rows that a value of a determinant must have on average.
const GROUP_ROWS_MIN: f64 = 2.5;
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
    tidy(look, &text, &mut d);
    glued(look, &text, &mut d);
    let mended = by_others(look, &text, &mut d);
    spellings(look, &text, &mut d);
    casts(look, &mended, &mut d);
    duplicates(look, &mut d);
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
        .filter(|c| look.profiled(&c.read.name).and_then(|p| p.texts.as_ref()).is_some_and(|t| t.padded > 0) || c.read.trim)
        .map(|c| c.read.name.as_str())
        .collect();
    if !padded.is_empty() {
        d.rules.push(Proposed {
            active: true,
            said: format!("trim {}", list(&padded, 4)),
            why: vec!["Stray spaces at the ends.".into()],
            lines: vec!["rule = \"text\"".into(), format!("columns = {}", quoted_list(&padded))],
        });
    }
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

/// Repairs by functional dependencies. Returns the columns that are mended.
fn by_others(look: &Look, text: &[&Seen], d: &mut Draft) -> BTreeSet<String> {
    let is_text = |c: &str| text.iter().any(|t| t.read.name == c);
    let rows = look.profile.rows;
    let laws: Vec<_> = look
        .profile
        .dependencies
        .iter()
        .filter(|f| f.agreement() >= AGREEMENT_MIN && f.groups >= GROUPS_MIN && f.rows * 2 >= rows && is_text(&f.dependent))
        .filter(|f| f.determinant.len() == 1 && decides(look, &f.determinant[0]) && f.rows as f64 >= f.groups as f64 * GROUP_ROWS_MIN)
        .collect();
    let broken: BTreeSet<&str> =
        laws.iter().filter(|f| f.violations > 0 && is_damaged(look, &f.dependent, f.violations)).map(|f| f.dependent.as_str()).collect();
    if broken.is_empty() {
        return BTreeSet::new();
    }
    let mut by: Vec<&str> = Vec::new();
    for f in laws.iter().filter(|f| broken.contains(f.dependent.as_str())) {
        if !by.contains(&f.determinant[0].as_str()) {
            by.push(&f.determinant[0]);
        }
    }
    let columns: Vec<&str> = look.columns.iter().map(|c| c.read.name.as_str()).filter(|c| broken.contains(c)).collect();
    by.sort_by_key(|c| look.columns.iter().position(|s| s.read.name == *c));
    let worst = laws.iter().filter(|f| f.violations > 0).max_by(|a, b| a.agreement().total_cmp(&b.agreement()));
    let why = worst.map_or_else(Vec::new, |f| {
        vec![format!(
            "Columns that decide others, but for a few cells: {} decides {} in {} of {}.",
            f.determinant[0],
            f.dependent,
            figure(f.rows - f.violations),
            counted(f.rows, "row")
        )]
    });
    d.rules.push(Proposed {
        active: true,
        said: format!("mend {} by {}", list(&columns, 4), list(&by, 3)),
        why,
        lines: vec!["rule = \"repair\"".into(), format!("columns = {}", quoted_list(&columns)), format!("by = {}", quoted_list(&by))],
    });
    columns.into_iter().map(String::from).collect()
}

/// Times and measures agree with much by chance; names and codes decide.
fn decides(look: &Look, column: &str) -> bool {
    look.column(column).is_some_and(|c| matches!(c.read.data_type, DataType::Utf8 | DataType::Int64))
}

/// Whether what breaks the law looks like damage: values that are odd in their own column, or missing. Two right values are no damage (a customer
/// who moved), however seldom it happens.
fn is_damaged(look: &Look, column: &str, violations: u64) -> bool {
    let Some(p) = look.profiled(column) else { return false };
    let odd: u64 = p.suspicious.iter().filter(|s| matches!(s.why, Why::Spelling | Why::Shape | Why::OddKind)).map(|s| s.rows).sum();
    let guess = look.column(column).and_then(|c| c.guess.as_ref());
    let bad = guess.map_or(0, |g| g.bad_rows);
    let near = guess.and_then(|g| g.evidence.values.as_ref()).map_or(0, near_frequent);
    (odd.max(near) + bad + p.missing) * 4 >= violations
}

/// Rows whose value differs in one letter from one at least ten times as frequent.
fn near_frequent(values: &HashMap<Box<str>, u64>) -> u64 {
    const VALUES_MAX: usize = 2_000;
    if values.len() > VALUES_MAX {
        return 0;
    }
    let one_apart = |a: &str, b: &str| a.len() == b.len() && a.bytes().zip(b.bytes()).filter(|(x, y)| x != y).count() == 1;
    let is_near = |v: &str, n: u64| values.iter().any(|(w, m)| *m >= n * 10 && one_apart(v, w));
    values.iter().filter(|(v, n)| is_near(v, **n)).map(|(_, n)| n).sum()
}

fn spellings(look: &Look, text: &[&Seen], d: &mut Draft) {
    let mut columns = Vec::new();
    let mut example = None;
    for c in text {
        let Some(p) = look.profiled(&c.read.name) else { continue };
        let odd: Vec<_> = p.suspicious.iter().filter(|s| s.why == Why::Spelling && s.meant.is_some() && s.confidence >= 0.8).collect();
        // One odd value may be right; several of them are a habit.
        if odd.len() < SPELLINGS_MIN || p.distinct.count > 10_000 {
            continue;
        }
        columns.push(c.read.name.as_str());
        example = example.or(odd.first().map(|s| (s.value.clone(), s.meant.clone().unwrap_or_default())));
    }
    if let Some((wrong, right)) = example {
        d.rules.push(Proposed {
            active: true,
            said: format!("mend rare spellings in {}", list(&columns, 4)),
            why: vec![format!("Rare spellings near frequent ones: {:?} for {:?}.", shown(&wrong), shown(&right))],
            lines: vec!["rule = \"repair\"".into(), format!("columns = {}", quoted_list(&columns)), "frequent = true".into()],
        });
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

fn duplicates(look: &Look, d: &mut Draft) {
    let p = &look.profile;
    if p.duplicates.exact > 0 {
        // With a number of its own in it, an equal row is the same thing twice; without one it may be a second thing.
        let identifies = look.columns.iter().any(|c| {
            has_word(
                &c.read.name,
                &c.read.label,
                &["id", "no", "nr", "number", "invoice", "order", "code", "key", "invoiceno", "orderid", "customerid"],
            )
        });
        let has_time = !p.time.is_empty();
        let active = identifies && has_time && p.duplicates.exact * 5 < p.rows;
        d.rules.push(Proposed {
            active,
            said: format!(
                "remove {}",
                counted(p.duplicates.exact, "row that repeats another").replace("row that repeats anothers", "rows that repeat another")
            ),
            why: vec![format!(
                "{} an earlier row in every column.",
                if p.duplicates.exact == 1 { "1 row repeats".to_string() } else { format!("{} rows repeat", figure(p.duplicates.exact)) }
            )],
            lines: vec!["rule = \"duplicates\"".into()],
        });
    }
    if let Some((ignored, n)) = p.duplicates.ignoring.first()
        && *n > p.duplicates.exact
    {
        d.rules.push(Proposed {
            active: false,
            said: format!("remove rows that repeat another but for {ignored}"),
            why: vec![format!(
                "{} another in every column but {ignored}. The same thing twice, or two alike?",
                if *n == 1 { "1 row repeats".to_string() } else { format!("{} rows repeat", figure(*n)) }
            )],
            lines: vec!["rule = \"duplicates\"".into(), format!("ignore = {}", quoted_list(&[ignored]))],
        });
    }
    if let Some(near) = p.duplicates.near.first() {
        let like: Vec<&str> = match &near.column {
            Some(c) if look.column(c).is_some_and(|s| s.read.data_type == DataType::Utf8) => vec![c.as_str()],
            _ => Vec::new(),
        };
        if !like.is_empty() && near.rows > 0 {
            let example = near.examples.first().map(|(a, b)| format!(": {:?} and {:?}", shown(a), shown(b))).unwrap_or_default();
            d.rules.push(Proposed {
                active: false,
                said: format!("list rows that are nearly others in {}", like.join(", ")),
                why: vec![format!(
                    "{} nearly an earlier one{example}.",
                    if near.rows == 1 { "1 row is".to_string() } else { format!("{} rows are", figure(near.rows)) }
                )],
                lines: vec!["rule = \"duplicates\"".into(), format!("like = {}", quoted_list(&like)), "action = \"list\"".into()],
            });
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
