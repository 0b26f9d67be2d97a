//! Small reports as rows: the same records become a JSON array or CSV. (For people, each command has its own table.)

use super::csv::write_record;
use serde_json::{Map, Value};
use std::io::{self, Write};

#[derive(Debug, Clone)]
pub struct Records {
    names: Vec<&'static str>,
    rows: Vec<Vec<Value>>,
}

impl Records {
    pub fn new(names: &[&'static str]) -> Records {
        Records { names: names.to_vec(), rows: Vec::new() }
    }

    pub fn push(&mut self, row: Vec<Value>) {
        debug_assert_eq!(row.len(), self.names.len());
        self.rows.push(row);
    }

    pub fn json(&self) -> Value {
        let object =
            |row: &Vec<Value>| Value::Object(self.names.iter().map(|n| (*n).to_string()).zip(row.iter().cloned()).collect::<Map<_, _>>());
        Value::Array(self.rows.iter().map(object).collect())
    }

    pub fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        write_record(out, self.names.iter().map(|n| Some(*n)))?;
        for row in &self.rows {
            let texts: Vec<Option<String>> = row.iter().map(text).collect();
            write_record(out, texts.iter().map(Option::as_deref))?;
        }
        Ok(())
    }
}

/// A report as JSON: indented, since people read it too.
pub fn write_json(out: &mut dyn Write, value: &Value) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    out.write_all(b"\n")
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(s) => Some(s.clone()),
        other => Some(other.to_string()),
    }
}
