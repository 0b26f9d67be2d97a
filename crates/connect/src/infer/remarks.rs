//! What a person should know about the way a source is written, beside its types.

use super::decide::{Doubt, Guess};
use super::place::Row;
use super::reading::Reading;
use super::{Inference, Sureness};
use arrow::datatypes::DataType;
use tidemill_core::Negative;

/// One sentence about a source, with its figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    pub code: &'static str,
    pub gravity: Gravity,
    pub column: Option<String>,
    /// Rows concerned.
    pub rows: u64,
    pub text: String,
    /// What to do about it.
    pub help: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// Figures would be wrong.
    Error,
    Warning,
    Note,
}

/// Rows of one kind that make a stretch.
const STRETCH_MIN: u64 = 20;
/// A shorter table has no foot that could be told from its rows.
const ROWS_MIN: u64 = 10;
/// Rows at the end that may be no rows.
const FOOT_MAX: usize = 10;

pub(super) fn remarks(reading: &Reading, inference: &Inference) -> Vec<Remark> {
    let mut out = Vec::new();
    let mut add = |code, gravity, column: Option<&str>, rows, text: String, help: String| {
        out.push(Remark { code, gravity, column: column.map(str::to_string), rows, text, help });
    };
    if let Some(title) = &reading.title {
        let n = title.lines;
        let text = format!(
            "the table begins below {}: {:?}",
            if n == 1 { "a title".to_string() } else { format!("{n} lines of title") },
            title.text
        );
        add("title", Gravity::Note, None, n as u64, text, format!("they are passed over by `skip_rows = {n}` under `[source]`"));
    }
    if let Some((line, cells)) = second_header(inference) {
        let text = format!("the first row (line {line}) looks like a second header line: {cells}");
        let help = "it is read as a row, and set aside where its columns are of another type; to be rid of it, name the columns: `skip_rows`, `header = false` and \
                    `columns = […]` under `[source]`";
        add("second_header", Gravity::Warning, None, 1, text, help.into());
    }
    let foot = &reading.foot;
    if !foot.is_empty() {
        let said: Vec<String> = foot.iter().take(3).map(|r| format!("line {} {:?}", r.line, first_text(r))).collect();
        let n = foot.len() as u64;
        let text = match n {
            1 => format!("the last row looks like a total or a note, and no row: {}", said[0]),
            _ => format!("{n} of the last rows look like totals or notes, and no rows: {}", said.join(", ")),
        };
        add("foot", Gravity::Warning, None, n, text, "`rule = \"filter\"` takes them away; else they are counted and added up".into());
    }
    if reading.empty_rows > 0 {
        let n = reading.empty_rows;
        let text = format!(
            "{n} row{} empty in every column (line {} is the first)",
            if n == 1 { " is" } else { "s are" },
            inference.ends.empty_line
        );
        add("empty_rows", Gravity::Warning, None, n, text, "`rule = \"filter\"` takes them away".into());
    }
    for guess in &inference.columns {
        column(guess, &mut add);
    }
    out
}

/// What of a column's bad cells stands in rows that are none: in the foot, or in a second header line.
pub(super) fn bad_outside(inference: &Inference, foot: &[Row]) -> Vec<u64> {
    let first = second_header(inference).and(inference.ends.first.as_ref());
    let rows: Vec<&Row> = foot.iter().chain(first).collect();
    let is_bad = |guess: &Guess, cell: &Option<String>| cell.as_deref().is_some_and(|c| guess.bad.iter().any(|(v, _)| v == c.trim()));
    let count = |(at, guess): (usize, &Guess)| rows.iter().filter(|r| r.cells.get(at).is_some_and(|c| is_bad(guess, c))).count() as u64;
    inference.columns.iter().enumerate().map(count).collect()
}

/// The rows at the end of `ends` that are totals or notes, in order.
pub(super) fn foot(inference: &Inference) -> Vec<&Row> {
    let rows = inference.rows.max(1) as f64;
    let usual = inference.columns.iter().map(|g| (g.evidence.rows - g.evidence.missing - g.evidence.blank) as f64 / rows).sum::<f64>();
    if inference.columns.len() < 2 || inference.rows < ROWS_MIN {
        return Vec::new();
    }
    let is_foot = |row: &Row| {
        let said = first_text(row);
        let column = row.cells.iter().position(|c| c.as_deref().is_some_and(|c| !c.trim().is_empty()));
        // Where a word is one of many values, such rows are not the foot of a table.
        let values = column.and_then(|at| inference.columns[at].evidence.values.as_ref());
        let often = values.and_then(|v| v.get(said)).is_some_and(|n| *n > 3);
        (is_total(said) && !often) || (usual >= 3.0 && row.filled() as f64 * 3.0 <= usual)
    };
    let last = &inference.ends.last;
    let from = last.iter().rposition(|r| r.filled() > 0 && !is_foot(r)).map_or(0, |at| at + 1);
    let found: Vec<&Row> = last[from..].iter().filter(|r| r.filled() > 0).collect();
    if from == 0 || found.len() > FOOT_MAX { Vec::new() } else { found }
}

fn is_total(text: &str) -> bool {
    const TOTALS: [&str; 14] = [
        "total",
        "totals",
        "grand",
        "subtotal",
        "sum",
        "summe",
        "gesamt",
        "gesamtsumme",
        "insgesamt",
        "zwischensumme",
        "totale",
        "somme",
        "suma",
        "totaal",
    ];
    let lower = text.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    let first = words.next().unwrap_or_default();
    TOTALS.contains(&first) && (first != "grand" || words.next() == Some("total")) && text.chars().count() <= 40
}

/// The first cell that holds something.
fn first_text(row: &Row) -> &str {
    row.cells.iter().flatten().map(|c| c.trim()).find(|c| !c.is_empty()).unwrap_or_default()
}

/// A first row that is of another kind than all that follow: units, types, names in another language.
fn second_header(inference: &Inference) -> Option<(u64, String)> {
    let first = inference.ends.first.as_ref()?;
    let (mut typed, mut odd, mut shown) = (0, 0, Vec::new());
    for (guess, cell) in inference.columns.iter().zip(&first.cells) {
        let Some(cell) = cell.as_deref().map(str::trim).filter(|c| !c.is_empty()) else { continue };
        if guess.read.data_type != DataType::Utf8 && guess.read.data_type != DataType::Boolean {
            typed += 1;
            if guess.bad.iter().any(|(v, n)| v == cell && *n == 1) {
                odd += 1;
                shown.push(format!("{cell:?}"));
            }
        }
    }
    shown.truncate(4);
    (odd >= 2 && odd == typed).then(|| (first.line, shown.join(", ")))
}

fn column(guess: &Guess, add: &mut impl FnMut(&'static str, Gravity, Option<&str>, u64, String, String)) {
    let name = guess.read.name.as_str();
    let e = &guess.evidence;
    let is_text = guess.read.data_type == DataType::Utf8;
    for doubt in &guess.doubts {
        match doubt {
            Doubt::Magnitudes { units } => {
                let said: Vec<String> = units.iter().take(4).map(|(u, n)| format!("{u} {n}")).collect();
                let rows = units.iter().map(|(_, n)| n).sum();
                let text =
                    format!("`{name}` holds numbers of different sizes, told by letters behind them ({}): it stays text", said.join(", "));
                add("magnitudes", Gravity::Error, Some(name), rows, text, "a `derive` rule turns them into numbers".into());
            }
            Doubt::Epoch { parts } => {
                let text = format!("`{name}` holds {parts} since 1970, and is read as instants");
                add(
                    "epoch",
                    Gravity::Note,
                    Some(name),
                    guess.filled,
                    text,
                    format!("`type = \"int\"` under `[columns.{name}]` keeps the numbers"),
                );
            }
            // Leading zeros say themselves what a code is.
            Doubt::Code { because } if e.numbers.leading_zeros == 0 => {
                let text = format!("`{name}` holds digits, and is read as text: {because}");
                add("code", Gravity::Note, Some(name), guess.filled, text, format!("a type under `[columns.{name}]` makes them numbers"));
            }
            _ => {}
        }
    }
    let way = match guess.read.negative {
        Negative::Minus => None,
        Negative::Parentheses => Some(("in brackets", e.numbers.in_parentheses)),
        Negative::Trailing => Some(("with a minus behind", e.numbers.trailing)),
    };
    if let Some((way, n)) = way.filter(|_| !is_text) {
        let text = format!("`{name}` writes {n} number{} below zero {way}", if n == 1 { "" } else { "s" });
        add("negative_form", Gravity::Note, Some(name), n, text, format!("`negative` under `[columns.{name}]` says so"));
    }
    if guess.sureness == Sureness::Almost {
        let words: Vec<(&str, u64)> = guess.words().collect();
        if let Some((word, _)) = words.first() {
            let rows = words.iter().map(|(_, n)| n).sum();
            let more = if words.len() > 1 { format!(" and {} other words", words.len() - 1) } else { String::new() };
            let kind = kind_of(&guess.read.data_type);
            let text = format!("`{name}` holds {kind}, but {word:?}{more} in {rows} rows");
            let help = format!("if that means that nothing is known: the type and `nulls = [{word:?}]` under `[columns.{name}]`");
            add("words", Gravity::Warning, Some(name), rows, text, help);
        }
    }
    let [numbers, texts] = e.stretches;
    if numbers.rows >= STRETCH_MIN && texts.rows >= STRETCH_MIN {
        let text = if numbers.last.0 < texts.first.0 {
            Some(format!("numbers up to line {} and other texts from line {} on", numbers.last.1, texts.first.1))
        } else if texts.last.0 < numbers.first.0 {
            Some(format!("texts that are no numbers up to line {} and numbers from line {} on", texts.last.1, numbers.first.1))
        } else {
            None
        };
        if let Some(text) = text {
            let help = "two sources may have been put together, or a field has changed its meaning: a `derive` rule tells the two apart";
            add(
                "kind_change",
                Gravity::Warning,
                Some(name),
                numbers.rows.min(texts.rows),
                format!("`{name}` changes on the way: {text}"),
                help.into(),
            );
        }
    }
    if is_text && e.empty_texts > 0 && e.empty_texts < e.rows {
        let n = e.empty_texts;
        let text = format!("`{name}` holds {n} empty text{} (\"\"), which count as values", if n == 1 { "" } else { "s" });
        add("empty_text", Gravity::Warning, Some(name), n, text, format!("`nulls = [\"\"]` under `[columns.{name}]` makes them NULL"));
    }
}

fn kind_of(t: &DataType) -> &'static str {
    match t {
        DataType::Date32 => "dates",
        DataType::Timestamp(..) => "instants",
        DataType::Boolean => "yes and no",
        _ => "numbers",
    }
}
