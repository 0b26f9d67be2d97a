//! What somebody selected, out of a URL: `{"country":["DE",null],"day":{"from":"2024-01","to":null}}`.

use crate::limits::{SELECTION_BYTES_MAX, VALUES_MAX};
use crate::refusal::Refusal;
use serde_json::{Map, Value};
use tidemill_project::dashboard::query::{Selection, Selections};

/// `known`: columns that can be selected by.
pub fn read(text: Option<&str>, known: impl Fn(&str) -> bool) -> Result<Selections, Refusal> {
    let Some(text) = text.filter(|t| !t.is_empty()) else { return Ok(Selections::new()) };
    if text.len() > SELECTION_BYTES_MAX {
        return Err(Refusal::selection(format!("`s` may have {SELECTION_BYTES_MAX} bytes")));
    }
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|e| Refusal::selection(format!("`s` is no JSON object: {e}")))?;
    let mut selections = Selections::new();
    for (column, value) in object {
        if !known(&column) {
            let shown: String = column.chars().take(100).collect();
            return Err(Refusal::selection(format!("no panel here has a column `{shown}`")));
        }
        let selection = selection(value).ok_or_else(|| {
            let message = format!("the selection of `{column}` is neither a list of values nor an object with `from` and `to`");
            Refusal::selection(message)
        })?;
        selections.insert(column, selection);
    }
    Ok(selections)
}

fn selection(value: Value) -> Option<Selection> {
    match value {
        Value::Array(values) if values.len() <= VALUES_MAX => values.into_iter().map(scalar).collect::<Option<_>>().map(Selection::In),
        Value::Object(mut ends) => {
            let (from, to) = (ends.remove("from").unwrap_or_default(), ends.remove("to").unwrap_or_default());
            if !ends.is_empty() {
                return None;
            }
            Some(Selection::Between(scalar(from)?, scalar(to)?))
        }
        _ => None,
    }
}

fn scalar(value: Value) -> Option<Option<String>> {
    match value {
        Value::Null => Some(None),
        Value::String(text) => Some(Some(text)),
        Value::Number(number) => Some(Some(number.to_string())),
        Value::Bool(yes) => Some(Some(yes.to_string())),
        Value::Array(_) | Value::Object(_) => None,
    }
}
