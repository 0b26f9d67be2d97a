//! What the pass kept: each column as small whole numbers, 0 for a missing cell.

use super::Rejected;
use super::dictionary::Dictionary;
use super::encode::{NULL, show, value};
use crate::measure::Moments;
use arrow::datatypes::DataType;

/// One number per row. `Keys` only before all is assembled.
pub(super) enum Codes {
    Small(Vec<u8>),
    Middle(Vec<u16>),
    Large(Vec<u32>),
    Keys(Vec<u64>),
}

impl Codes {
    pub(super) fn width(most: usize) -> usize {
        match most {
            0..=255 => 1,
            256..=65_535 => 2,
            _ => 4,
        }
    }

    pub(super) fn of(codes: impl Iterator<Item = u32>, most: usize) -> Codes {
        match Self::width(most) {
            1 => Codes::Small(codes.map(|c| c as u8).collect()),
            2 => Codes::Middle(codes.map(|c| c as u16).collect()),
            _ => Codes::Large(codes.collect()),
        }
    }

    #[inline]
    pub(super) fn at(&self, row: usize) -> u32 {
        match self {
            Codes::Small(v) => u32::from(v[row]),
            Codes::Middle(v) => u32::from(v[row]),
            Codes::Large(v) => v[row],
            Codes::Keys(_) => 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Codes::Small(v) => v.len(),
            Codes::Middle(v) => v.len(),
            Codes::Large(v) => v.len(),
            Codes::Keys(v) => v.len(),
        }
    }

    pub(super) fn retain(&mut self, keep: &[bool]) {
        fn go<T: Copy>(v: &mut Vec<T>, keep: &[bool]) {
            let mut at = 0;
            v.retain(|_| {
                at += 1;
                keep[at - 1]
            });
            v.shrink_to_fit();
        }
        match self {
            Codes::Small(v) => go(v, keep),
            Codes::Middle(v) => go(v, keep),
            Codes::Large(v) => go(v, keep),
            Codes::Keys(v) => go(v, keep),
        }
    }
}

pub(super) struct Kept {
    pub rows: u64,
    pub rejected: u64,
    pub bytes: u64,
    pub columns: Vec<KeptColumn>,
    pub rows_kept: usize,
    /// Of all rows, or of those whose hash begins with `hash_shift` zero bits.
    pub hashes: Vec<u64>,
    pub hash_shift: u32,
    pub rejects: Vec<Rejected>,
}

impl Kept {
    /// Rows in memory: all, or a sample.
    pub(super) fn in_memory(&self) -> usize {
        self.rows_kept
    }
    pub(super) fn is_whole(&self) -> bool {
        self.rows_kept as u64 == self.rows
    }
}

pub(super) struct KeptColumn {
    pub name: String,
    pub label: String,
    pub data_type: DataType,
    pub moments: Moments,
    pub invalid: u64,
    /// Values by how often they occur; a sample of them where it is not exact.
    pub dictionary: Dictionary,
    /// Per row in memory: 0, or a place in `keys` plus one.
    pub codes: Codes,
    /// Where the dictionary is not exact: the keys of rows in memory, in order.
    own_keys: Option<Vec<u64>>,
}

impl KeptColumn {
    pub(super) fn new(
        name: String,
        label: String,
        data_type: DataType,
        mut dictionary: Dictionary,
        moments: Moments,
        invalid: u64,
        parts: Vec<Codes>,
    ) -> Self {
        let total: usize = parts.iter().map(Codes::len).sum();
        let (codes, own_keys) = if dictionary.is_exact() {
            let all = parts.iter().flat_map(|p| (0..p.len()).map(|i| p.at(i)));
            (Codes::of(all, dictionary.keys.len()), None)
        } else {
            let coded = dictionary.coded.take().unwrap_or_default();
            let mut keys: Vec<u64> = Vec::with_capacity(total);
            for part in parts {
                match part {
                    Codes::Keys(k) => keys.extend(k),
                    codes => keys.extend((0..codes.len()).map(|i| match codes.at(i) {
                        0 => NULL,
                        code => coded[code as usize - 1],
                    })),
                }
            }
            let mut distinct: Vec<u64> = keys.iter().copied().filter(|k| *k != NULL).collect();
            distinct.sort_unstable();
            distinct.dedup();
            let codes = keys.iter().map(|k| if *k == NULL { 0 } else { distinct.partition_point(|d| d < k) as u32 + 1 });
            (Codes::of(codes, distinct.len()), Some(distinct))
        };
        KeptColumn { name, label, data_type, moments, invalid, dictionary, codes, own_keys }
    }

    /// What code `i + 1` stands for.
    pub(super) fn keys(&self) -> &[u64] {
        self.own_keys.as_deref().unwrap_or(&self.dictionary.keys)
    }

    pub(super) fn is_text(&self) -> bool {
        self.data_type == DataType::Utf8
    }

    /// The number behind each code, from 1; NaN first, for the missing one.
    pub(super) fn values(&self) -> Vec<f64> {
        std::iter::once(f64::NAN).chain(self.keys().iter().map(|k| value(*k, &self.data_type))).collect()
    }

    /// The value of a code for people; empty for the missing one, and for texts that were not kept.
    pub(super) fn show(&self, code: u32) -> String {
        let Some(at) = (code as usize).checked_sub(1) else { return String::new() };
        if self.is_text() {
            return match (&self.own_keys, &self.dictionary.texts) {
                (None, Some(texts)) => texts.get(at).to_string(),
                _ => "…".into(),
            };
        }
        show(self.keys()[at], &self.data_type)
    }

    /// The text of a code, where all are kept.
    pub(super) fn text(&self, code: u32) -> Option<&str> {
        let at = (code as usize).checked_sub(1)?;
        if self.own_keys.is_some() { None } else { self.dictionary.texts.as_ref().map(|t| t.get(at)) }
    }

    /// Distinct values among rows in memory, about.
    pub(super) fn distinct(&self) -> usize {
        self.keys().len()
    }
}
