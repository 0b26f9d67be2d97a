//! What a truth says of itself: `truth.json`.

use serde_json::Value;
use std::path::{Path, PathBuf};
use tidemill_core::{Error, Result};

const MANIFEST: &str = "truth.json";
/// Version of the truth's files that this program reads.
const FORMAT: u64 = 1;

pub(super) struct Truth {
    pub dir: PathBuf,
    /// The list of errors.
    pub errors: PathBuf,
    pub has_header: bool,
    pub tables: Vec<TruthTable>,
}

/// A table whose rows are known.
#[derive(Debug, Clone)]
pub(super) struct TruthTable {
    pub name: String,
    pub columns: Vec<TruthColumn>,
    /// The columns that name a row; without any, its number does.
    pub key: Vec<String>,
    pub rows: u64,
    /// Of the messy files.
    pub lines: u64,
    /// In reading order; clean and messy files have the same names.
    pub files: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct TruthColumn {
    /// As the files have it.
    pub name: String,
    pub kind: Kind,
}

/// What values of a column are, and so how they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Int,
    Decimal(u8, i8),
    Bool,
    Date,
    Instant,
}

impl Truth {
    pub(super) fn open(dir: &Path) -> Result<Truth> {
        let path = dir.join(MANIFEST);
        let place = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|e| {
            Error::config(format!("`{place}` can't be read: {e}"))
                .help("name the directory that `tidemill generate … --truth DIR` wrote")
                .because(e)
        })?;
        let damaged = |what: &str| Error::data(format!("this is no truth of this program: {what}")).at(place.clone());
        let value: Value = serde_json::from_str(&text).map_err(|e| damaged(&e.to_string()))?;
        match value.get("format").and_then(Value::as_u64) {
            Some(FORMAT) => {}
            Some(n) => return Err(damaged(&format!("its format is {n}, and this version reads {FORMAT}"))),
            None => return Err(damaged("it has no `format`")),
        }
        let all = value.get("tables").and_then(Value::as_array).ok_or_else(|| damaged("it has no `tables`"))?;
        let is_label = |t: &&Value| t.get("labels").and_then(Value::as_bool) == Some(true);
        let tables = all.iter().filter(|t| !is_label(t)).map(|t| table(t).ok_or_else(|| damaged("a table lacks something")));
        let tables = tables.collect::<Result<Vec<_>>>()?;
        let errors = dir.join(value.get("errors").and_then(Value::as_str).unwrap_or("errors.csv"));
        let has_header = value.get("file_format").and_then(Value::as_str).is_none_or(|f| f == "csv");
        Ok(Truth { dir: dir.to_path_buf(), errors, has_header, tables })
    }
}

fn table(of: &Value) -> Option<TruthTable> {
    let texts = |name: &str| -> Option<Vec<String>> { of.get(name)?.as_array()?.iter().map(|v| v.as_str().map(str::to_string)).collect() };
    let column = |c: &Value| Some(TruthColumn { name: c.get("name")?.as_str()?.to_string(), kind: kind(c.get("type")?.as_str()?) });
    Some(TruthTable {
        name: of.get("name")?.as_str()?.to_string(),
        columns: of.get("columns")?.as_array()?.iter().map(column).collect::<Option<_>>()?,
        key: texts("key")?,
        rows: of.get("rows")?.as_u64()?,
        lines: of.get("lines")?.as_u64()?,
        files: texts("files")?,
    })
}

fn kind(name: &str) -> Kind {
    let decimal = || {
        let (p, s) = name.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
        Some(Kind::Decimal(p.trim().parse().ok()?, s.trim().parse().ok()?))
    };
    match name {
        "int" => Kind::Int,
        "bool" => Kind::Bool,
        "date" => Kind::Date,
        "timestamp" => Kind::Instant,
        _ => decimal().unwrap_or(Kind::Text),
    }
}
