//! A column of JSON lists, one row for each thing in them: as a view, since a list is of no use to anybody who wants to add up what is in it.

use super::look::Look;
use super::text::{ident, literal, quoted};
use arrow::datatypes::DataType;
use serde_json::Value;

/// Members of an object that become columns.
const MEMBERS_MAX: usize = 20;
const LISTS_MAX: usize = 3;

/// Columns, and a view for each. Lists of objects without lists or objects of their own can be taken apart by plain SQL.
pub(super) fn views(look: &Look, key: &[String]) -> Vec<(String, String)> {
    let texts = look.columns.iter().filter(|c| c.read.data_type == DataType::Utf8);
    let lists = texts.filter_map(|c| Some((c.read.name.clone(), members(look, &c.read.name)?)));
    lists.take(LISTS_MAX).map(|(column, members)| (column.clone(), view(look, key, &column, &members))).collect()
}

struct Member {
    name: String,
    is_number: bool,
}

/// The members of the objects in a column's lists, by a look at its most frequent values.
fn members(look: &Look, column: &str) -> Option<Vec<Member>> {
    let p = look.profiled(column)?;
    let mut out: Vec<Member> = Vec::new();
    let mut objects = 0;
    for (value, _) in &p.top {
        let Ok(Value::Array(items)) = serde_json::from_str::<Value>(value) else { return None };
        for item in items {
            let Value::Object(object) = item else { return None };
            objects += 1;
            for (name, value) in object {
                if value.is_array() || value.is_object() || name.contains(['"', '\\']) {
                    return None;
                }
                match out.iter_mut().find(|m| m.name == name) {
                    Some(m) => m.is_number &= value.is_number() || value.is_null(),
                    None => out.push(Member { is_number: value.is_number(), name }),
                }
            }
        }
    }
    out.truncate(MEMBERS_MAX);
    (objects > 0 && !out.is_empty()).then_some(out)
}

fn view(look: &Look, key: &[String], column: &str, members: &[Member]) -> String {
    let (table, c) = (ident(&look.name), ident(column));
    let first: Vec<String> = key.iter().map(|k| format!("{}, ", ident(k))).collect();
    let first = first.concat();
    let mut taken: Vec<String> = key.to_vec();
    let columns: Vec<String> = members
        .iter()
        .map(|m| {
            let mut name = tidemill_core::name::normalise(&m.name);
            while taken.contains(&name) {
                name = format!("{column}_{name}");
            }
            taken.push(name.clone());
            let name = ident(&name);
            let quote = if m.is_number { "([-+.0-9eE]+)" } else { "\"([^\"]*)\"" };
            let pattern = literal(&format!("\"{}\": *{quote}", escaped(&m.name)));
            let text = format!("regexp_match(item, {pattern})[1]");
            if m.is_number { format!("CAST({text} AS DOUBLE) AS {name}") } else { format!("{text} AS {name}") }
        })
        .collect();
    format!(
        "--! description = {}\nSELECT {first}{}\nFROM (SELECT {first}unnest(string_to_array({c}, '}},')) AS item FROM {table})\nWHERE item LIKE '%{{%'\n",
        quoted(&format!("One row for each of {column}, a column of JSON lists.")),
        columns.join(",\n       ")
    )
}

/// For a regular expression.
fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|c| (!c.is_alphanumeric() && c != '_' && c != ' ').then_some('\\').into_iter().chain(std::iter::once(c)))
        .collect()
}
