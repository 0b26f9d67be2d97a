//! `text`: Unicode form, white space and case of text cells.

use crate::cells::is_text;
use crate::program::{Input, Op, Output, RowRule};
use crate::scope::Scope;
use arrow::array::{Array, ArrayRef, AsArray, BooleanBufferBuilder, StringArray, StringBuilder};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_project::spec::{Case, Rule, UnicodeForm};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick, is_nfkc_quick};

pub(super) fn compile(scope: &mut Scope, rule: &Rule) {
    let Rule::Text { columns, unicode, trim, collapse_spaces, case, empty_to_null } = rule else { return };
    let clean = Clean { unicode: *unicode, trim: *trim, collapse_spaces: *collapse_spaces, case: *case, empty_to_null: *empty_to_null };
    for c in scope.all(columns, "text", is_text) {
        let out = scope.next(&c, c.data_type.clone());
        scope.push_row(&c.name, vec![c.slot], out, Some(c.slot), clean);
    }
}

#[derive(Debug, Clone, Copy)]
struct Clean {
    unicode: Option<UnicodeForm>,
    trim: bool,
    collapse_spaces: bool,
    case: Option<Case>,
    empty_to_null: bool,
}

impl RowRule for Clean {
    fn ready(&self, _: &Value) -> Result<Arc<dyn Op>> {
        Ok(Arc::new(*self))
    }
}

impl Clean {
    /// The text as it should be, borrowed where it is already.
    fn of<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut out = Cow::Borrowed(text);
        match self.unicode.filter(|_| !text.is_ascii()) {
            Some(UnicodeForm::Nfc) if is_nfc_quick(text.chars()) != IsNormalized::Yes => out = Cow::Owned(text.nfc().collect()),
            Some(UnicodeForm::Nfkc) if is_nfkc_quick(text.chars()) != IsNormalized::Yes => out = Cow::Owned(text.nfkc().collect()),
            _ => {}
        }
        if self.trim {
            out = match out {
                Cow::Borrowed(s) => Cow::Borrowed(trimmed(s)),
                Cow::Owned(s) => Cow::Owned(s.trim().to_string()),
            };
        }
        if self.collapse_spaces && has_spaces(&out) {
            out = Cow::Owned(collapsed(&out));
        }
        let cased = match self.case {
            Some(Case::Lower) if !is_lower(&out) => Some(out.to_lowercase()),
            Some(Case::Upper) if out.bytes().any(|b| b.is_ascii_lowercase() || !b.is_ascii()) => Some(out.to_uppercase()),
            Some(Case::Title) => Some(title(&out)),
            _ => None,
        };
        if let Some(cased) = cased {
            out = Cow::Owned(cased);
        }
        out
    }
}

/// `str::trim`, with a short way for texts that begin and end with plain letters.
fn trimmed(s: &str) -> &str {
    let b = s.as_bytes();
    match (b.first(), b.last()) {
        (Some(f), Some(l)) if f.is_ascii_graphic() && l.is_ascii_graphic() => s,
        _ => s.trim(),
    }
}

fn is_lower(s: &str) -> bool {
    s.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase())
}

/// Whether there is white space other than single blanks.
fn has_spaces(s: &str) -> bool {
    !s.is_ascii() || s.as_bytes().windows(2).any(|w| w == b"  ") || s.bytes().any(|b| matches!(b, b'\t' | b'\n' | b'\r' | 0x0b | 0x0c))
}

/// Runs of white space as one blank.
fn collapsed(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    let mut blank = false;
    for c in s.chars() {
        if c.is_whitespace() {
            blank = true;
        } else {
            if std::mem::take(&mut blank) {
                out.push(' ');
            }
            out.push(c);
        }
    }
    if blank {
        out.push(' ');
    }
    // A leading blank has been written before the first word; nothing else is lost.
    out
}

/// The first letter of each word large, the others small. An apostrophe does not begin a word.
fn title(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    let mut within = false;
    for c in s.chars() {
        if c.is_alphanumeric() {
            if within {
                out.extend(c.to_lowercase())
            } else {
                out.extend(c.to_uppercase())
            }
            within = true;
        } else {
            within = within && matches!(c, '\'' | '’');
            out.push(c);
        }
    }
    out
}

impl Op for Clean {
    fn run(&self, input: &Input) -> Result<Output> {
        let column: &StringArray = input.arrays[0].as_string();
        // Clean columns are the rule: nothing is written until a cell needs it.
        let needs = |text: &str| match self.of(text) {
            Cow::Borrowed(b) => b.len() != text.len() || (self.empty_to_null && b.is_empty()),
            Cow::Owned(o) => o != text || (self.empty_to_null && o.is_empty()),
        };
        let first = (0..column.len()).find(|i| column.is_valid(*i) && needs(column.value(*i)));
        let Some(first) = first else { return Ok(Output::Same) };
        let mut out = StringBuilder::with_capacity(column.len(), column.value_data().len());
        let mut changed = BooleanBufferBuilder::new(column.len());
        for i in 0..column.len() {
            if column.is_null(i) {
                out.append_null();
                changed.append(false);
                continue;
            }
            let text = column.value(i);
            let clean = if i < first { Cow::Borrowed(text) } else { self.of(text) };
            if self.empty_to_null && clean.is_empty() {
                out.append_null();
                changed.append(true);
            } else {
                changed.append(clean != text);
                out.append_value(clean);
            }
        }
        Ok(Output::Changed(Arc::new(out.finish()) as ArrayRef, changed.finish()))
    }
}
