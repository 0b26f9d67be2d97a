//! Columns nearly all of whose cells are of one type: whether they have it.

use super::number::number;
use super::{Column, Guess};
use crate::formats::convert::pattern::{Pattern, iso};
use arrow::datatypes::DataType;
use tidemill_core::{ColumnRead, Negative, OnInvalid};

/// A word that so many cells hold among numbers or dates, and one in so many, was written on purpose; a rarer one is damage that came again.
const WORD_ROWS_MIN: u64 = 3;
const WORD_SHARE_MIN: u64 = 200;

impl Guess {
    /// Words that come again and again where numbers or dates are (`sold out`): they say something, and only the data's owner knows what.
    pub fn words(&self) -> impl Iterator<Item = (&str, u64)> {
        let is_word = |v: &str| !v.contains(|c: char| c.is_ascii_digit());
        self.bad
            .iter()
            .filter(move |(v, n)| *n >= WORD_ROWS_MIN && *n * WORD_SHARE_MIN >= self.filled && is_word(v))
            .map(|(v, n)| (v.as_str(), *n))
    }
}

impl Guess {
    /// How a value of the column is written, with the rows of each way: a number `-999` as `-999` and `-999.0`, a day by the column's patterns. Empty where
    /// the column has too many values to look through.
    pub fn spellings(&self, value: &str) -> Vec<(String, u64)> {
        let patterns: Vec<Pattern> = self.read.formats.iter().filter_map(|f| Pattern::compile(f).ok()).collect();
        let day = |text: &[u8]| match &patterns[..] {
            [] => iso(text).map(|m| m.days),
            all => all.iter().find_map(|p| p.parse(text)).map(|m| m.days),
        };
        let same: Box<dyn Fn(&str) -> bool> = match (value.parse::<f64>(), iso(value.get(..10).unwrap_or(value).as_bytes())) {
            (Ok(wanted), _) => Box::new(move |text| number(text).is_some_and(|n| n.value == wanted)),
            (_, Some(wanted)) => Box::new(move |text| day(text.as_bytes()) == Some(wanted.days)),
            _ => return Vec::new(),
        };
        let mut found: Vec<(String, u64)> =
            self.evidence.values.iter().flatten().filter(|(v, _)| same(v)).map(|(v, n)| (v.to_string(), *n)).collect();
        found.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        found
    }
}

impl Column {
    /// Whether its values are written in a way that must be told (a date's pattern, a unit), so that they can't be cast afterwards.
    pub fn has_form(&self) -> bool {
        !self.read.formats.is_empty() || self.has_decoration()
    }

    fn has_decoration(&self) -> bool {
        let r = &self.read;
        !r.units.is_empty() || r.thousands.is_some() || r.decimal != '.' || r.negative != Negative::Minus
    }

    /// Reads it as the type that all but a few cells are of: of very few, the rows are set aside. Where there are more, it stays text, since a value
    /// that may be wrong is better than none; unless units stand in the way of all the others, then these cells become NULL, counted. Where a word comes
    /// again and again it stays text.
    pub fn type_now(&mut self) {
        let (Some(to), Some(g)) = (self.cast_to.clone(), &self.guess) else { return };
        let is_few = g.bad_rows.saturating_sub(g.bad_rows_outside) * 100 <= g.filled;
        if g.words().next().is_none() && (is_few || self.has_decoration()) {
            self.read.data_type = to;
            self.read.on_invalid = if is_few { OnInvalid::Quarantine } else { OnInvalid::Null };
            self.cast_to = None;
        } else {
            self.stays_text = true;
            self.read = ColumnRead {
                label: self.read.label.clone(),
                null_tokens: g.evidence.tokens.keys().cloned().collect(),
                ..ColumnRead::new(&self.read.name, DataType::Utf8)
            };
        }
    }
}
