//! Repairs, in force where the rule would make them and nothing else can be meant; as comments where only people can know.

use super::look::{Look, Seen};
use super::rules::{Draft, Proposed, is_text};
use super::text::{counted, figure, has_word, ident, list, literal, quoted, quoted_list, shown};
use arrow::datatypes::DataType;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tidemill_prepare::profile::{Dependency, Mending, Suspicious, Why};

/// Agreement from which a dependency is taken for a law with exceptions, and groups that must speak for it.
const AGREEMENT_MIN: f64 = 0.9;
const GROUPS_MIN: u64 = 5;
/// Odd spellings from which a column is one of typing errors.
const SPELLINGS_MIN: usize = 3;
/// Rows that a value of a determinant must have on average.
const GROUP_ROWS_MIN: f64 = 2.5;
/// The same for laws that only people can judge.
const OPEN_GROUP_ROWS_MIN: f64 = 5.0;
/// Laws that are proposed.
const LAWS_MAX: usize = 5;
/// Values of a column in which every second may be a name of its own.
const VALUES_MAX: u64 = 10_000;
/// People's names: what looks like a slip in one is another name.
const PEOPLE: &[&str] = &[
    "surname",
    "lastname",
    "firstname",
    "forename",
    "fullname",
    "middlename",
    "nachname",
    "vorname",
    "familienname",
    "prenom",
    "apellido",
    "author",
    "authors",
    "prescriber",
    "doctor",
    "physician",
    "patient",
    "employee",
    "director",
    "actor",
    "player",
    "teacher",
    "student",
];

/// Laws that could mend: one column that names something decides another.
fn mending_laws<'a>(look: &'a Look) -> Vec<&'a Dependency> {
    let rows = look.profile.rows;
    let is_law =
        |f: &&Dependency| f.agreement() >= AGREEMENT_MIN && f.groups >= GROUPS_MIN && f.rows * 2 >= rows && f.determinant.len() == 1;
    let decides = |f: &&Dependency| decides(look, &f.determinant[0]) && f.rows as f64 >= f.groups as f64 * GROUP_ROWS_MIN;
    look.profile.dependencies.iter().filter(is_law).filter(decides).collect()
}

/// Repairs by functional dependencies. Returns the columns that are mended.
pub(super) fn by_others(look: &Look, text: &[&Seen], d: &mut Draft) -> BTreeSet<String> {
    let is_text = |c: &str| text.iter().any(|t| t.read.name == c);
    let laws: Vec<_> = mending_laws(look).into_iter().filter(|f| is_text(&f.dependent)).collect();
    let broken: BTreeSet<&str> = laws.iter().filter(|f| f.violations > 0 && is_damaged(look, f)).map(|f| f.dependent.as_str()).collect();
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
    // Of the columns that are mended, the one that is broken most.
    let mine = laws.iter().filter(|f| f.violations > 0 && broken.contains(f.dependent.as_str()));
    let why = mine
        .max_by(|a, b| a.violations.cmp(&b.violations).then_with(|| b.dependent.cmp(&a.dependent)))
        .map_or_else(Vec::new, |f| vec![format!("Columns that decide others, but for a few cells that look damaged: {}.", law(f))]);
    d.rules.push(Proposed {
        active: true,
        said: format!("mend {} by {}", list(&columns, 4), list(&by, 3)),
        why,
        lines: vec!["rule = \"repair\"".into(), format!("columns = {}", quoted_list(&columns)), format!("by = {}", quoted_list(&by))],
    });
    columns.into_iter().map(String::from).collect()
}

fn law(f: &Dependency) -> String {
    format!("{} decides {} in {} of {}", f.determinant[0], f.dependent, figure(f.rows - f.violations), counted(f.rows, "row"))
}

/// Laws that are broken by values which are right in their way: which of the two is wrong, or whether either is, only people know.
pub(super) fn laws(look: &Look, mended: &BTreeSet<String>, d: &mut Draft) {
    let mut best: BTreeMap<&str, &Dependency> = BTreeMap::new();
    let all = mending_laws(look);
    let measured = |c: &str| look.column(c).is_none_or(|s| matches!(s.read.data_type, DataType::Float64 | DataType::Timestamp(..)));
    let is_broad = |f: &Dependency| f.rows as f64 >= f.groups as f64 * OPEN_GROUP_ROWS_MIN;
    for f in all.iter().filter(|f| f.violations > 0 && is_broad(f) && !measured(&f.dependent)) {
        if mended.contains(&f.dependent) || mended.contains(&f.determinant[0]) {
            continue;
        }
        let old = best.entry(&f.dependent).or_insert(f);
        if f.violations < old.violations {
            *old = f;
        }
    }
    // Of two columns that decide each other, the one that is broken less speaks.
    let is_reverse = |f: &Dependency, g: &Dependency| f.determinant[0] == g.dependent && g.determinant[0] == f.dependent;
    let all: Vec<&Dependency> = best.into_values().collect();
    let mut best: Vec<&Dependency> =
        all.iter().copied().filter(|f| !all.iter().any(|g| is_reverse(f, g) && g.violations < f.violations)).collect();
    best.sort_by(|a, b| b.agreement().total_cmp(&a.agreement()).then_with(|| a.dependent.cmp(&b.dependent)));
    for f in best.into_iter().take(LAWS_MAX) {
        let (column, by) = (&f.dependent, &f.determinant[0]);
        let n = f.violations;
        d.rules.push(Proposed {
            active: false,
            said: format!("mend {column} by {by}"),
            why: vec![format!(
                "{}; {} ({}). Wrong, or right exceptions?",
                law(f),
                if n == 1 { "1 deviates".to_string() } else { format!("{} deviate", figure(n)) },
                share(n, f.rows)
            )],
            lines: vec![
                "rule = \"repair\"".into(),
                format!("columns = {}", quoted_list(&[column])),
                format!("by = {}", quoted_list(&[by])),
            ],
        });
    }
}

fn share(n: u64, of: u64) -> String {
    match n as f64 / of.max(1) as f64 * 100.0 {
        x if x < 0.1 => "less than 0.1 %".into(),
        x => format!("{x:.1} %"),
    }
}

/// Whether most of a column's values have digits in them: then case may mean something.
fn holds_codes(look: &Look, name: &str) -> bool {
    let Some(values) = look.column(name).and_then(|c| c.guess.as_ref()).and_then(|g| g.evidence.values.as_ref()) else { return false };
    values.keys().filter(|v| v.contains(|c: char| c.is_ascii_digit())).count() * 2 > values.len()
}

/// Times and measures agree with much by chance; names and codes decide.
fn decides(look: &Look, column: &str) -> bool {
    look.column(column).is_some_and(|c| matches!(c.read.data_type, DataType::Utf8 | DataType::Int64))
}

/// Whether what breaks the law looks like damage: values that are odd in their own column, or missing. Two right values are no damage (a customer who
/// moved), however seldom it happens.
fn is_damaged(look: &Look, f: &Dependency) -> bool {
    let Some(p) = look.profiled(&f.dependent) else { return false };
    let odd: u64 = p.suspicious.iter().filter(|s| matches!(s.why, Why::Spelling | Why::Shape | Why::OddKind)).map(|s| s.rows).sum();
    let guess = look.column(&f.dependent).and_then(|c| c.guess.as_ref());
    let bad = guess.map_or(0, |g| g.bad_rows);
    let near = guess.and_then(|g| g.evidence.values.as_ref()).map_or(0, near_frequent);
    let odd = odd.max(near) + bad;
    // Where all that breaks the law is right in its way, it has exceptions, and nothing can be filled in by it.
    let missing = if odd > 0 || f.agreement() >= 0.999 { p.missing } else { 0 };
    (odd + missing) * 4 >= f.violations
}

/// Rows whose value differs in one letter from one at least ten times as frequent.
fn near_frequent(values: &HashMap<Box<str>, u64>) -> u64 {
    const NEAR_MAX: usize = 2_000;
    if values.len() > NEAR_MAX {
        return 0;
    }
    let one_apart = |a: &str, b: &str| a.len() == b.len() && a.bytes().zip(b.bytes()).filter(|(x, y)| x != y).count() == 1;
    let is_near = |v: &str, n: u64| values.iter().any(|(w, m)| *m >= n * 10 && one_apart(v, w));
    values.iter().filter(|(v, n)| is_near(v, **n)).map(|(_, n)| n).sum()
}

/// Whether a column is one of people's names.
pub(super) fn names_people(name: &str, label: &str) -> bool {
    let first_or_last =
        has_word(name, label, &["last", "first", "family", "given", "middle", "maiden"]) && has_word(name, label, &["name", "names"]);
    first_or_last || has_word(name, label, PEOPLE)
}

/// What `repair` with `frequent` makes of the columns, as it says itself.
pub(super) fn spellings(look: &Look, d: &mut Draft) {
    let mut columns: Vec<&str> = Vec::new();
    let mut same: Vec<&str> = Vec::new();
    let (mut made, mut listed) = (Vec::new(), 0);
    let mut same_made: Vec<&Mending> = Vec::new();
    for c in look.columns.iter().filter(|c| is_text(c)) {
        let name = c.read.name.as_str();
        let Some(p) = look.profiled(name) else { continue };
        let mine: Vec<&Mending> = look.profile.mendings.iter().filter(|m| m.column == name && p.distinct.count <= VALUES_MAX).collect();
        let sure: Vec<&Mending> = mine.iter().copied().filter(|m| m.is_made && !m.is_same_word()).collect();
        let words: Vec<&Mending> = mine.iter().copied().filter(|m| m.is_made && m.is_same_word() && m.from.trim() == m.from).collect();
        let is_category = p.suspicious.iter().any(|s| s.why == Why::Spelling);
        if names_people(name, &c.read.label) {
            if !sure.is_empty() {
                people(name, &sure, d);
            }
        } else if sure.len() >= SPELLINGS_MIN && is_category {
            columns.push(name);
            listed += mine.iter().filter(|m| !m.is_made).count();
            made.extend(sure);
        } else {
            if !words.is_empty() && !holds_codes(look, name) {
                same.push(name);
                same_made.extend(words);
            }
            if !sure.is_empty() && is_category {
                d.rules.push(frequent(false, &[name], &sure, "One or two may be right: ", 0));
            }
        }
    }
    if !columns.is_empty() {
        d.rules.push(frequent(true, &columns, &made, "", listed));
    }
    if let Some(first) = same_made.first() {
        let n: u64 = same_made.iter().map(|m| m.rows).sum();
        d.rules.push(Proposed {
            active: true,
            said: format!("write each value of {} in one way", list(&same, 4)),
            why: vec![format!(
                "{} with another case of a value that nearly all others write in one way: {:?} for {:?}.",
                counted(n, "row"),
                shown(&first.from),
                shown(&first.to)
            )],
            lines: vec![
                "rule = \"repair\"".into(),
                format!("columns = {}", quoted_list(&same)),
                "frequent = true".into(),
                "distance_max = 0".into(),
            ],
        });
    }
}

fn frequent(active: bool, columns: &[&str], made: &[&Mending], before: &str, listed: usize) -> Proposed {
    let rows: u64 = made.iter().map(|m| m.rows).sum();
    let example = made.first().map(|m| format!("{:?} for {:?}", shown(&m.from), shown(&m.to))).unwrap_or_default();
    let others = match made.len().saturating_sub(1) {
        0 => String::new(),
        n => format!(" and {} in all of {}", counted(n as u64, "other"), counted(rows, "row")),
    };
    let others = others.replace("in all of", "in");
    let mut why = vec![format!("{before}Rare spellings near frequent ones: {example}{others}.")];
    if listed > 0 {
        why.push(format!("{} that may be right are only listed, in system.changes.", figure(listed as u64)));
    }
    Proposed {
        active,
        said: format!("mend {} in {}", counted(made.len() as u64, "rare spelling"), list(columns, 4)),
        why,
        lines: vec!["rule = \"repair\"".into(), format!("columns = {}", quoted_list(columns)), "frequent = true".into()],
    }
}

fn people(name: &str, sure: &[&Mending], d: &mut Draft) {
    d.rules.push(frequent(false, &[name], sure, "People's names that are near each other are most often both right. ", 0));
}

/// Values that are written in several ways, none of which nearly all rows have.
pub(super) fn same_words(look: &Look, d: &mut Draft) {
    let mut columns: Vec<&str> = Vec::new();
    let (mut rows, mut example) = (0, None);
    for c in look.columns.iter().filter(|c| is_text(c)) {
        let name = c.read.name.as_str();
        let Some(p) = look.profiled(name) else { continue };
        let is_made = |s: &Suspicious| look.profile.mendings.iter().any(|m| m.column == name && m.from == s.value && m.is_made);
        let by_case = |s: &&Suspicious| {
            s.why == Why::Variant
                && s.meant.as_ref().is_some_and(|m| m != &s.value && m.trim().to_lowercase() == s.value.trim().to_lowercase())
        };
        let open: Vec<&Suspicious> = p.suspicious.iter().filter(by_case).filter(|s| !is_made(s)).collect();
        if let Some(first) = open.first() {
            columns.push(name);
            rows += open.iter().map(|s| s.rows).sum::<u64>();
            example.get_or_insert_with(|| (first.value.clone(), first.meant.clone().unwrap_or_default()));
        }
    }
    let Some((a, b)) = example else { return };
    d.rules.push(Proposed {
        active: false,
        said: format!("write {} in lower case", list(&columns, 4)),
        why: vec![format!(
            "{} differ from other values in case alone: {:?} and {:?}. The same?",
            counted(rows, "row"),
            shown(&a),
            shown(&b)
        )],
        lines: vec!["rule = \"text\"".into(), format!("columns = {}", quoted_list(&columns)), "case = \"lower\"".into()],
    });
}

/// Codes that lost a mark or a zero: the form that nearly all have can be put together again, in a column beside.
pub(super) fn forms(look: &Look, d: &mut Draft) {
    for c in look.columns.iter().filter(|c| is_text(c)) {
        let name = c.read.name.as_str();
        let Some(p) = look.profiled(name) else { continue };
        for why in [Why::Mark, Why::Zero] {
            let lost: Vec<&Suspicious> = p.suspicious.iter().filter(|s| s.why == why && s.meant.is_some()).collect();
            let Some((first, meant)) = lost.first().and_then(|s| Some((&s.value, s.meant.as_ref()?))) else { continue };
            let rows: u64 = lost.iter().map(|s| s.rows).sum();
            let (what, sql) = match why {
                Why::Zero => ("lost a zero before them", with_zeros(name, meant)),
                _ => ("lack the mark that the others have", with_marks(name, first, meant)),
            };
            d.rules.push(Proposed {
                active: false,
                said: format!("complete the codes of {name}"),
                why: vec![format!("{} of {name} {what}: {:?} for {:?}.", counted(rows, "value"), shown(first), shown(meant))],
                lines: vec![
                    "rule = \"derive\"".into(),
                    format!("column = {}", quoted(&format!("{name}_complete"))),
                    format!("sql = {}", quoted(&sql)),
                ],
            });
        }
    }
}

/// Only digits alone are filled up: `2108`, and not `63101-3478`.
fn with_zeros(name: &str, meant: &str) -> String {
    let (c, n) = (ident(name), meant.chars().count());
    format!("CASE WHEN length({c}) < {n} THEN lpad({c}, {n}, '0') ELSE {c} END")
}

fn with_marks(name: &str, value: &str, meant: &str) -> String {
    let c = ident(name);
    let mut parts: Vec<String> = Vec::new();
    let (mut from, mut length) = (1, 0);
    let whole = value.chars().count();
    for letter in meant.chars().chain(std::iter::once('\0')) {
        if letter.is_alphanumeric() {
            length += 1;
            continue;
        }
        if length > 0 {
            parts.push(format!("substr({c}, {from}, {length})"));
        }
        (from, length) = (from + length, 0);
        if letter != '\0' {
            parts.push(literal(&letter.to_string()));
        }
    }
    format!("CASE WHEN length({c}) = {whole} THEN {} ELSE {c} END", parts.join(" || "))
}
