//! `repair` with `glued`: a value that holds its neighbour's, which is missing ("San Francisco CA", NULL), is taken apart, both cells at once.
//!
//! For two columns the fit learns the values that the neighbour has, and how often a value ends (or begins) with one of them where the neighbour is
//! missing, against how often it does where the neighbour is there: what happens there as often is chance and no glue.

use super::evidence::{Spellings, Spelt};
use super::verdict::{Put, verdicts, verdicts_type};
use crate::cells::{field, is_text, number_field, text_list, texts};
use crate::measure::{Measured, hasher, measured};
use crate::program::{Act, Given, Input, Op, Output, RowRule};
use crate::scope::Scope;
use ahash::RandomState;
use arrow::array::{Array, StringArray};
use hashbrown::HashSet;
use serde_json::{Value, json};
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_project::spec::Columns;

/// Values of a neighbour that are remembered.
const VALUES_MAX: usize = 50_000;
/// Words at most that a neighbour's value has.
const WORDS_MAX: usize = 4;
/// Columns that are tried against each other.
const COLUMNS_MAX: usize = 12;

pub(super) fn compile(scope: &mut Scope, columns: &Columns, confidence_min: f64) {
    let mut columns = scope.all(columns, "a column", |_| true);
    if matches!(columns.len(), 0 | 1) {
        return;
    }
    columns.truncate(COLUMNS_MAX);
    let mut pairs = Vec::new();
    for at in (0..columns.len()).filter(|at| is_text(&columns[*at].data_type)) {
        pairs.extend((0..columns.len()).filter(|of| *of != at).map(|of| (at, of)));
    }
    let names: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
    let rule = Glued { names, pairs: pairs.clone() };
    let slot = scope.slot("verdicts", verdicts_type(columns.len()));
    let slots = columns.iter().map(|c| c.slot).collect();
    let node = scope.push(None, slots, vec![slot], None, None, Act::Row(Box::new(rule)));
    for (at, of) in &pairs {
        node.measure(Spellings { slips: false }, vec![*at, *of]);
    }
    for at in 0..columns.len() {
        node.measure(Spellings { slips: false }, vec![at]);
    }
    for (at, c) in columns.iter().enumerate() {
        let out = scope.next(c, c.data_type.clone());
        let put = Put { at, data_type: c.data_type.clone(), confidence_min };
        scope.push_row(&c.name, vec![c.slot, slot], out, Some(c.slot), put);
    }
}

struct Glued {
    names: Vec<String>,
    /// Places of the column that may hold the other's value, and of the other.
    pairs: Vec<(usize, usize)>,
}

type Values = HashSet<Box<str>, RandomState>;

/// Where a neighbour's value stands in a value.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    End,
    Beginning,
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Place::End => "end",
            Place::Beginning => "beginning",
        }
    }
}

fn is_glue(c: char) -> bool {
    c.is_whitespace() || ",;/|:".contains(c)
}

/// What is left of a value without the longest of these values that it holds.
fn split<'a>(value: &'a str, place: Place, values: &Values) -> Option<(&'a str, &'a str)> {
    let value = value.trim();
    let starts = value.char_indices().filter(|(_, c)| is_glue(*c)).map(|(at, c)| (at, at + c.len_utf8()));
    let mut cuts: Vec<(usize, usize)> = starts.collect();
    if place == Place::End {
        cuts.reverse();
    }
    cuts.truncate(WORDS_MAX * 2);
    let clean = |t: &'a str| {
        let t = t.trim_matches(is_glue);
        // "Madison - WI", but "-1"
        let t = t.strip_prefix("- ").unwrap_or(t);
        t.strip_suffix(" -").unwrap_or(t).trim_matches(is_glue)
    };
    let parts = cuts.into_iter().map(|(end, start)| match place {
        Place::End => (clean(&value[..end]), clean(&value[start..])),
        Place::Beginning => (clean(&value[start..]), clean(&value[..end])),
    });
    // "Madison (WI)"
    let bare = |t: &'a str| t.strip_prefix('(').and_then(|t| t.strip_suffix(')')).unwrap_or(t);
    parts.map(|(rest, held)| (rest, bare(held))).rfind(|(rest, held)| !rest.is_empty() && values.contains(*held))
}

impl RowRule for Glued {
    fn given(&self, _: &Given) -> Result<Option<Value>> {
        Ok(None)
    }

    fn learn(&self, all: &[&Measured]) -> Result<Value> {
        let n = self.pairs.len();
        let mut found = serde_json::Map::new();
        let mut ways = Vec::new();
        for (at, (column, of)) in self.pairs.iter().enumerate() {
            let lonely = measured::<Spelt>(all, at)?;
            let (whole, neighbour) = (measured::<Spelt>(all, n + column)?, measured::<Spelt>(all, n + of)?);
            let values = domain(neighbour);
            for place in [Place::End, Place::Beginning] {
                let Some(way) = Way::learn(*column, *of, place, lonely, whole, &values) else { continue };
                let name = format!("{} at the {} of {}", self.names[*of], place.name(), self.names[*column]);
                found.insert(name, json!({"rows": way.rows, "share": way.share, "chance": way.chance, "confidence": way.known_confidence}));
                ways.push(way);
            }
        }
        Ok(json!({"found": found, "model": ways.iter().map(Way::to_json).collect::<Vec<_>>()}))
    }

    fn ready(&self, fitted: &Value) -> Result<Arc<dyn Op>> {
        let ways = field(fitted, "model")?.as_array().ok_or_else(unreadable)?;
        Ok(Arc::new(Part { columns: self.names.len(), ways: ways.iter().map(Way::from_json).collect::<Result<_>>()? }))
    }
}

fn unreadable() -> Error {
    Error::data("what a stored recipe knows of glued values can't be read").help("fit it again: run without `--frozen`")
}

/// Values that a column has more than once, with a letter or digit in them; the most frequent.
fn domain(spelt: &Spelt) -> Values {
    let mut values: Vec<(&str, u64)> =
        spelt.counts.iter().filter(|(v, n)| **n >= 2 && v.chars().any(char::is_alphanumeric)).map(|(v, n)| (&**v, *n)).collect();
    values.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    values.truncate(VALUES_MAX);
    set(values.into_iter().map(|(v, _)| v))
}

fn set<'a>(values: impl Iterator<Item = &'a str>) -> Values {
    let mut set: Values = HashSet::with_hasher(hasher());
    set.extend(values.map(Box::from));
    set
}

fn sorted(values: &Values) -> Vec<&str> {
    let mut all: Vec<&str> = values.iter().map(|v| &**v).collect();
    all.sort_unstable();
    all
}

/// One way in which values of a column hold those of another.
struct Way {
    column: usize,
    of: usize,
    place: Place,
    /// Rows in which it is so.
    rows: u64,
    /// Their share of the rows without a neighbour, and what it would be by chance.
    share: f64,
    chance: f64,
    known_confidence: f64,
    unknown_confidence: f64,
    values: Values,
    /// What is left over and is a value of the column elsewhere.
    known: Values,
}

impl Way {
    fn learn(column: usize, of: usize, place: Place, lonely: &Spelt, whole: &Spelt, values: &Values) -> Option<Way> {
        let (mut rows, mut by_chance, mut known_rows) = (0, 0, 0);
        let mut known: Values = HashSet::with_hasher(hasher());
        for (value, n) in &whole.counts {
            let Some((rest, _)) = split(value, place, values) else { continue };
            let alone = lonely.counts.get(value).copied().unwrap_or(0);
            rows += alone;
            by_chance += n - alone;
            if alone > 0 && whole.counts.get(rest).is_some_and(|n| *n > lonely.counts.get(rest).copied().unwrap_or(0)) {
                known_rows += alone;
                known.insert(rest.into());
            }
        }
        if rows == 0 {
            return None;
        }
        let share = rows as f64 / lonely.rows.max(1) as f64;
        let there = whole.rows.saturating_sub(lonely.rows);
        // A little more than was seen: there may just have been no occasion.
        let chance = (by_chance as f64 + 0.5) / (there as f64 + 1.0);
        let sure = (1.0 - chance / share).max(0.0);
        let seen = rows as f64;
        let leftover = (known_rows as f64 + 0.5) / (seen + 1.0);
        let round = |x: f64| (x * 1e4).round() / 1e4;
        Some(Way {
            column,
            of,
            place,
            rows,
            share: round(share),
            chance: round(chance),
            // Both parts are values of their columns.
            known_confidence: round(1.0 - (1.0 - sure) * 0.5 - 0.1 / seen),
            // A part that is nowhere else: then the way itself must be well known.
            unknown_confidence: round((sure - 0.5 / seen).max(0.0) * (0.9 + 0.1 * leftover.max(share))),
            values: values.clone(),
            known,
        })
    }

    fn to_json(&self) -> Value {
        json!({"column": self.column, "of": self.of, "place": self.place.name(), "rows": self.rows, "share": self.share, "chance": self.chance,
            "known_confidence": self.known_confidence, "unknown_confidence": self.unknown_confidence, "values": sorted(&self.values),
            "known": sorted(&self.known)})
    }

    fn from_json(v: &Value) -> Result<Way> {
        let place = |name: &str| field(v, name)?.as_u64().map(|n| n as usize).ok_or_else(unreadable);
        Ok(Way {
            column: place("column")?,
            of: place("of")?,
            place: if field(v, "place")? == "end" { Place::End } else { Place::Beginning },
            rows: field(v, "rows")?.as_u64().ok_or_else(unreadable)?,
            share: number_field(v, "share")?,
            chance: number_field(v, "chance")?,
            known_confidence: number_field(v, "known_confidence")?,
            unknown_confidence: number_field(v, "unknown_confidence")?,
            values: set(text_list(v, "values")?.iter().map(String::as_str)),
            known: set(text_list(v, "known")?.iter().map(String::as_str)),
        })
    }
}

/// Takes values apart.
struct Part {
    columns: usize,
    ways: Vec<Way>,
}

impl Op for Part {
    fn run(&self, input: &Input) -> Result<Output> {
        let columns: Vec<StringArray> = input.arrays.iter().map(texts).collect::<Result<_>>()?;
        let judged = (0..input.rows).map(|row| {
            let mut best: Option<(&Way, &str, &str, f64)> = None;
            let mut second: f64 = 0.0;
            for way in &self.ways {
                let (column, of) = (&columns[way.column], &columns[way.of]);
                if column.is_null(row) || of.is_valid(row) {
                    continue;
                }
                let Some((rest, held)) = split(column.value(row), way.place, &way.values) else { continue };
                // What came after its neighbour is seldom found before it.
                let in_order = (way.place == Place::End) == (way.of > way.column);
                let sure = if way.known.contains(rest) { way.known_confidence } else { way.unknown_confidence }
                    * if in_order { 1.0 } else { 0.85 };
                match best {
                    Some((_, _, _, most)) if sure <= most => second = second.max(sure),
                    _ => {
                        second = second.max(best.map_or(0.0, |b| b.3));
                        best = Some((way, rest, held, sure));
                    }
                }
            }
            let mut out = Vec::new();
            if let Some((way, rest, held, sure)) = best {
                // Where it could be taken apart in another way as well, neither is sure.
                let sure = if second >= 0.7 * sure { 0.6 * sure } else { sure };
                out = vec![(way.column, rest, sure), (way.of, held, sure)];
                out.sort_unstable_by_key(|v| v.0);
            }
            out
        });
        Ok(Output::Columns(vec![verdicts(self.columns, input.rows, judged)?]))
    }
}
