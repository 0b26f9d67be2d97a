//! The dictionary as JSON, for other programs.

use super::{ColumnEntry, Dictionary, ExportEntry, FunctionEntry, Stored, TableEntry, TestEntry, ViewEntry};
use serde_json::{Value, json};

impl Dictionary {
    pub fn to_json(&self) -> Value {
        json!({
            "project": self.project,
            "description": self.description,
            "tables": self.tables.iter().map(table).collect::<Vec<_>>(),
            "views": self.views.iter().map(view).collect::<Vec<_>>(),
            "functions": self.functions.iter().map(function).collect::<Vec<_>>(),
            "exports": self.exports.iter().map(export).collect::<Vec<_>>(),
            "last_run": self.last_run.map(|r| json!({ "epoch": r.epoch, "finished_at_micros": r.finished_at_micros })),
            "undescribed": self.undescribed(),
            "describable": self.describable(),
        })
    }
}

fn stored(s: Option<Stored>) -> Value {
    s.map_or(Value::Null, |s| json!({ "rows": s.rows, "version": s.version }))
}

fn column(c: &ColumnEntry) -> Value {
    json!({
        "name": c.name,
        "type": c.data_type,
        "description": c.description,
        "description_is_made": c.made,
        "original_name": c.original,
        "contract": c.contract,
        "notation": c.notation,
        "from": c.from.iter().map(|(relation, column)| json!({ "relation": relation, "column": column })).collect::<Vec<_>>(),
        "expression": c.expression,
    })
}

fn table(t: &TableEntry) -> Value {
    json!({
        "name": t.name,
        "file": t.file,
        "description": t.description,
        "source": t.source,
        "load": t.load,
        "keeps_raw": t.keeps_raw,
        "key": t.key,
        "partition_by": t.partition_by,
        "columns": t.columns.iter().map(column).collect::<Vec<_>>(),
        "dropped": t.dropped.iter().map(column).collect::<Vec<_>>(),
        "checks": t.checks,
        "rules": t.rules.iter().map(|r| json!({ "rule": r.rule, "text": r.text, "description": r.description })).collect::<Vec<_>>(),
        "used_by": t.used_by,
        "stored": stored(t.stored),
    })
}

fn view(v: &ViewEntry) -> Value {
    json!({
        "name": v.name,
        "file": v.file,
        "description": v.description,
        "is_stored": v.is_stored,
        "partition_by": v.partition_by,
        "columns": v.columns.iter().map(column).collect::<Vec<_>>(),
        "reads": v.reads,
        "tests": tests(&v.tests),
        "used_by": v.used_by,
        "stored": stored(v.stored),
    })
}

fn function(f: &FunctionEntry) -> Value {
    let named = |all: &[(String, String, String)]| -> Vec<Value> {
        all.iter().map(|(name, of, description)| json!({ "name": name, "type": of, "description": description })).collect()
    };
    json!({
        "name": f.name,
        "file": f.file,
        "description": f.description,
        "signature": f.signature,
        "returns": f.returns,
        "parameters": named(&f.parameters),
        "columns": named(&f.columns),
        "reads": f.reads,
        "used_by": f.used_by,
        "tests": tests(&f.tests),
    })
}

fn tests(all: &[TestEntry]) -> Vec<Value> {
    all.iter().map(|t| json!({ "text": t.text, "is_warning": t.is_warning })).collect()
}

fn export(e: &ExportEntry) -> Value {
    json!({ "name": e.name, "file": e.file, "description": e.description, "from": e.from, "path": e.path, "reads": e.reads })
}
