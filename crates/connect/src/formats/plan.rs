//! What is asked of a scan, made ready for decoding, whatever the rows are written in: one column compiled ([`ColumnPlan`]), and which part of a
//! record it is ([`FileColumn`]).

use super::convert::moment::MomentFormat;
use super::convert::number::NumberFormat;
use super::convert::pattern::Pattern;
use super::convert::zone::Zone;
use super::csv::dialect::Dialect;
use arrow::datatypes::{DataType, TimeUnit};
use std::sync::Arc;
use tidemill_core::{ColumnRead, Error, OnInvalid, Result, name};

/// One column, compiled. The dialect is put in per file.
#[derive(Debug, Clone)]
pub struct ColumnPlan {
    pub read: ColumnRead,
    pub kind: Kind,
    pub tokens: NullTokens,
    pub numbers: NumberFormat,
    pub moments: MomentFormat,
    pub dialect: Dialect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Decimal { precision: u8, scale: i8 },
    Date,
    Timestamp { utc: bool },
}

impl ColumnPlan {
    /// An error of kind Config for a type that can't be read from text, a bad date format or an unknown time zone.
    pub fn new(read: &ColumnRead) -> Result<ColumnPlan> {
        let kind = match &read.data_type {
            DataType::Utf8 => Kind::Text,
            DataType::Boolean => Kind::Boolean,
            DataType::Int8 => Kind::Int8,
            DataType::Int16 => Kind::Int16,
            DataType::Int32 => Kind::Int32,
            DataType::Int64 => Kind::Int64,
            DataType::Float32 => Kind::Float32,
            DataType::Float64 => Kind::Float64,
            DataType::Decimal128(precision, scale) if *scale >= 0 => Kind::Decimal { precision: *precision, scale: *scale },
            DataType::Date32 => Kind::Date,
            DataType::Timestamp(TimeUnit::Microsecond, None) => Kind::Timestamp { utc: false },
            DataType::Timestamp(TimeUnit::Microsecond, Some(z)) if &**z == "UTC" => Kind::Timestamp { utc: true },
            other => return Err(Error::config(format!("column `{}` can't be read from text as {other}", read.name))),
        };
        let patterns = read.formats.iter().map(|f| Pattern::compile(f)).collect::<Result<Vec<_>, String>>();
        let patterns = patterns.map_err(|e| Error::config(e).at(format!("column `{}`", read.name)))?;
        let zone = Zone::named(&read.timezone).ok_or_else(|| {
            Error::config(format!("unknown time zone \"{}\"", read.timezone)).help("use an IANA name such as Europe/Paris")
        })?;
        Ok(ColumnPlan {
            kind,
            tokens: NullTokens::new(&read.null_tokens),
            numbers: NumberFormat::new(read),
            moments: MomentFormat { patterns, zone },
            dialect: Dialect::default(),
            read: read.clone(),
        })
    }

    pub fn is_text(&self) -> bool {
        self.kind == Kind::Text
    }

    /// Whether a value may cost its row its place.
    pub fn can_reject(&self) -> bool {
        !self.is_text() && self.read.on_invalid == OnInvalid::Quarantine
    }

    /// "`12O` is not an int64", for the field's text without quotes.
    pub fn reason(&self, text: &str) -> String {
        let shown: String = text.chars().take(80).collect();
        let dots = if shown.len() < text.len() { "…" } else { "" };
        let what = match self.kind {
            Kind::Text => "a text".into(),
            Kind::Boolean => "a boolean".into(),
            Kind::Int8 => "an int8".into(),
            Kind::Int16 => "an int16".into(),
            Kind::Int32 => "an int32".into(),
            Kind::Int64 => "an int64".into(),
            Kind::Float32 => "a float32".into(),
            Kind::Float64 => "a float64".into(),
            Kind::Decimal { precision, scale } => format!("a decimal({precision},{scale})"),
            Kind::Date => "a date".into(),
            Kind::Timestamp { .. } => "a timestamp".to_string(),
        };
        let formats = match (&self.kind, &self.read.formats[..]) {
            (Kind::Date | Kind::Timestamp { .. }, [_, ..]) => format!(" as {}", self.read.formats.join(" or ")),
            _ => String::new(),
        };
        format!("\"{shown}{dots}\" is not {what}{formats}")
    }
}

/// Texts that mean NULL.
#[derive(Debug, Clone, Default)]
pub struct NullTokens {
    tokens: Arc<[Box<[u8]>]>,
    /// Bit `n` is set when a token has `n` bytes (63 stands for more).
    lengths: u64,
}

impl NullTokens {
    pub fn new(tokens: &[String]) -> Self {
        let lengths = tokens.iter().fold(0, |m, t| m | 1u64 << t.trim().len().min(63));
        NullTokens { tokens: tokens.iter().map(|t| t.trim().as_bytes().into()).collect(), lengths }
    }

    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.lengths == 0
    }

    /// `text` without surrounding spaces.
    #[inline(always)]
    pub fn contains(&self, text: &[u8]) -> bool {
        (self.lengths >> text.len().min(63)) & 1 == 1 && self.tokens.iter().any(|t| **t == *text)
    }
}

#[derive(Debug)]
pub struct FileColumn {
    pub plan: ColumnPlan,
    /// Which field of a record it is; `None` when the file lacks it.
    pub field: Option<usize>,
    /// Which column of the batch; `None` when it is only checked.
    pub output: Option<usize>,
}

/// Unique stored names for labels, in order: a second `a` becomes `a_2`, and the fourth column, if it has no label, `column_4`.
pub fn names_of(labels: &[String]) -> Vec<String> {
    let mut taken = std::collections::HashSet::new();
    labels
        .iter()
        .enumerate()
        .map(|(at, label)| {
            let base = if is_unnamed(label) { format!("column_{}", at + 1) } else { name::normalise(label) };
            let mut candidate = base.clone();
            let mut n = 2;
            while !taken.insert(candidate.clone()) {
                candidate = format!("{base}_{n}");
                n += 1;
            }
            candidate
        })
        .collect()
}

pub fn is_unnamed(label: &str) -> bool {
    label.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').is_empty()
}

/// Which field each column is. Labels are compared exactly first (the one whose stored name agrees too, where a label comes twice), then by
/// normalised form. No field is taken twice.
pub fn match_labels(columns: &[ColumnRead], labels: &[String]) -> Vec<Option<usize>> {
    let names = names_of(labels);
    let mut taken = vec![false; labels.len()];
    let mut out = vec![None; columns.len()];
    for pass in 0..3 {
        for (column, slot) in columns.iter().zip(&mut out).filter(|(_, s)| s.is_none()) {
            let fits = |i: usize| match pass {
                0 => labels[i] == column.label && names[i] == column.name,
                1 => labels[i] == column.label,
                _ => names[i] == name::normalise(&column.label),
            };
            if let Some(i) = (0..labels.len()).find(|i| !taken[*i] && fits(*i)) {
                taken[i] = true;
                *slot = Some(i);
            }
        }
    }
    out
}
