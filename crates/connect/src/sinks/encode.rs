//! Rows as lines: JSON objects, or CSV.

use crate::formats::typed::text::{Shown, push_quoted};
use crate::options::{OptionDoc, OptionReader};
use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use tidemill_core::Result;

/// The member, or column, that a row's id is in.
pub const ID: &str = "_id";

pub(super) const FORMAT: OptionDoc = OptionDoc {
    name: "format",
    value: "\"json\" or \"csv\"",
    default: "\"json\"",
    text: "How a row is written: a JSON object a line, or CSV.",
};
pub(super) const IDS: OptionDoc = OptionDoc {
    name: "ids",
    value: "true or false",
    default: "true",
    text: "Whether each row has its id, as `_id`. A row that is sent twice (after a crash) has the same both times.",
};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    pub is_csv: bool,
    pub ids: bool,
}

impl Encoding {
    pub(super) fn read(r: &mut OptionReader, ids: bool) -> Encoding {
        Encoding { is_csv: r.choice("format", &["json", "csv"]) == Some("csv"), ids: r.boolean("ids").unwrap_or(ids) }
    }

    /// What stands before the first row; empty for JSON.
    pub fn header(&self, schema: &SchemaRef) -> String {
        let mut out = String::new();
        if self.is_csv {
            let names = schema.fields().iter().map(|f| f.name().as_str());
            for (i, name) in self.ids.then_some(ID).into_iter().chain(names).enumerate() {
                if i > 0 {
                    out.push(',');
                }
                push_field(name, &mut out);
            }
            out.push('\n');
        }
        out
    }

    /// Calls `give` with each row's text, without a line's end.
    pub fn rows(&self, rows: &RecordBatch, ids: &[String], mut give: impl FnMut(usize, &str) -> Result<()>) -> Result<()> {
        let schema = rows.schema();
        let columns = rows.columns().iter().zip(schema.fields());
        let shown = columns.map(|(c, f)| Shown::new(c, Some(f))).collect::<Result<Vec<_>>>()?;
        let (mut line, mut cell) = (String::new(), String::new());
        for row in 0..rows.num_rows() {
            line.clear();
            let id = if self.ids { ids.get(row).map(String::as_str) } else { None };
            if self.is_csv {
                let mut is_first = true;
                if self.ids {
                    push_field(id.unwrap_or_default(), &mut line);
                    is_first = false;
                }
                for values in &shown {
                    if !std::mem::replace(&mut is_first, false) {
                        line.push(',');
                    }
                    // An absent value is an empty field, an empty text is quoted.
                    if !values.is_null(row) {
                        cell.clear();
                        values.push_text(row, &mut cell);
                        push_field(&cell, &mut line);
                    }
                }
            } else {
                line.push('{');
                if let Some(id) = id {
                    push_quoted(ID, &mut line);
                    line.push(':');
                    push_quoted(id, &mut line);
                }
                for (values, field) in shown.iter().zip(schema.fields()) {
                    if line.len() > 1 {
                        line.push(',');
                    }
                    push_quoted(field.name(), &mut line);
                    line.push(':');
                    push_value(values, rows.column(schema.index_of(field.name())?).as_ref(), row, &mut line);
                }
                line.push('}');
            }
            give(row, &line)?;
        }
        Ok(())
    }
}

/// JSON has no NaN and no infinity: others read these as errors.
fn push_value(values: &Shown<'_>, column: &dyn Array, row: usize, out: &mut String) {
    let at = out.len();
    values.push_json(row, out);
    if column.data_type().is_floating() && matches!(&out[at..], "NaN" | "Infinity" | "-Infinity") {
        out.truncate(at);
        out.push_str("null");
    }
}

fn push_field(text: &str, out: &mut String) {
    if text.is_empty() || text.contains(['"', ',', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ') {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}
