//! `repair` in its forms: to right spellings, by the row's other columns, and of values that hold their neighbour's.

use super::{column, columns, into, single};
use crate::document::{Data, Value};
use crate::fields::{Fields, names, quoted, text as text_of, wrong_type};
use crate::sheet::Sheet;
use crate::spec::{Columns, Otherwise, RepairTo, Rule};
use tidemill_core::{Problem, Spanned, codes};

/// What says which values are right; a rule has one of them.
const WAYS: [&str; 6] = ["to", "to_file", "to_column", "frequent", "by", "glued"];

pub(super) fn repair(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    f.exclusive(&WAYS, sheet);
    // One problem for two ways is enough.
    let ways: Vec<&'static str> = WAYS.into_iter().filter(|w| f.has(w)).collect();
    ways.iter().skip(1).for_each(|w| f.pass_over(w));
    if f.has("by") {
        return by(f, sheet);
    }
    if f.has("glued") {
        return glued(f, sheet);
    }
    let columns = if f.has("frequent") { columns(f, sheet) } else { single(&column(f, sheet)) };
    let to = target(f, sheet);
    let frequent = matches!(to, Some(RepairTo::Frequent { .. }));
    let distance_max = f.whole("distance_max", 0..=64, sheet).map_or(2, |n| n.value as u32);
    let confidence_min = f.number("confidence_min", 0.0..=1.0, sheet).map_or(if frequent { FREQUENT_MIN } else { 0.0 }, |n| n.value);
    let ignore_case = f.flag("ignore_case", true, sheet);
    let trim = f.flag("trim", true, sheet);
    let otherwise = otherwise(f, sheet);
    let into = into(f, columns.as_ref(), None, sheet);
    Some(Rule::Repair { columns: columns?, to: to?, distance_max, confidence_min, ignore_case, trim, otherwise, into })
}

/// Below this, a repair is listed and not made.
const CONFIDENCE_MIN: f64 = 0.9;
/// The same for frequent spellings.
const FREQUENT_MIN: f64 = 0.8;

fn by(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    let columns = columns(f, sheet);
    let by = determinants(f.get("by")?, sheet);
    let confidence_min = f.number("confidence_min", 0.0..=1.0, sheet).map_or(CONFIDENCE_MIN, |n| n.value);
    let columns = columns?;
    if by.is_empty() {
        return None;
    }
    if let (Columns::Named(named), [only]) = (&columns, by.as_slice()) {
        for c in named.iter().filter(|c| only.iter().any(|o| o.value == c.value)) {
            sheet.error(
                codes::RULE_INCONSISTENT,
                &c.span,
                format!("nothing but `{}` itself would decide what `{}` should be", c.value, c.value),
                "name another column in `by`, or leave this one out of `columns`",
            );
        }
    }
    Some(Rule::RepairBy { columns, by, confidence_min })
}

/// `by = "zip"`, `["zip", "phone"]`, or with several columns that decide together, `["zip", ["state", "code"]]`.
fn determinants(v: &Value, sheet: &mut Sheet) -> Vec<Vec<Spanned<String>>> {
    let items: Vec<&Value> = match &v.data {
        Data::Text(_) => vec![v],
        Data::List(items) if !items.is_empty() => items.iter().collect(),
        Data::List(_) => {
            sheet.error(
                codes::VALUE_INVALID,
                &v.span,
                "`by` is empty",
                "name the columns that decide: `by = [\"zip\", [\"state\", \"code\"]]`",
            );
            return Vec::new();
        }
        _ => {
            wrong_type(
                v,
                "by",
                "a list of columns, or of lists of columns",
                Some("for example `by = [\"zip\", [\"state\", \"code\"]]`".into()),
                sheet,
            );
            return Vec::new();
        }
    };
    items.into_iter().map(|item| names(item, "by", sheet)).filter(|together| !together.is_empty()).collect()
}

fn glued(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    let columns = columns(f, sheet);
    let wanted = f.flag("glued", true, sheet);
    let confidence_min = f.number("confidence_min", 0.0..=1.0, sheet).map_or(CONFIDENCE_MIN, |n| n.value);
    if !wanted {
        let span = f.key_span("glued");
        sheet.error(codes::VALUE_INVALID, &span, "`glued = false` leaves nothing to do", "write `glued = true`, or remove the rule");
        return None;
    }
    let columns = columns?;
    if let Columns::Named(named) = &columns
        && named.len() < 2
    {
        sheet.error(
            codes::RULE_INCONSISTENT,
            &f.key_span("glued"),
            "a value is taken apart between neighbours, and `columns` names one column",
            "name the columns whose values may have run together: `columns = [\"city\", \"state\"]`",
        );
        return None;
    }
    Some(Rule::RepairGlued { columns, confidence_min })
}

fn target(f: &mut Fields, sheet: &mut Sheet) -> Option<RepairTo> {
    let list = f.words("to", sheet);
    let file = f.text("to_file", sheet);
    let other = f.text("to_column", sheet);
    let frequent = f.flag("frequent", false, sheet);
    let count_min = f.whole("count_min", 1..=i64::MAX, sheet).map(|n| n.value as u64);
    let ratio_min = f.number("ratio_min", 1.0..=f64::INFINITY, sheet).map(|n| n.value);
    for key in ["count_min", "ratio_min"] {
        if f.has(key) && !frequent {
            let problem =
                Problem::error(codes::KEY_CONFLICT, sheet.place(&f.key_span(key)), format!("`{key}` is only for `frequent = true`"));
            sheet.push(problem.help(format!("remove `{key}`, or repair to the column's own frequent spellings with `frequent = true`")));
        }
    }
    if f.has("to") {
        if list.is_empty() {
            sheet.error(
                codes::REPAIR_TARGET,
                &f.key_span("to"),
                "`to` is empty: nothing can be repaired to it",
                "list the right spellings",
            );
            return None;
        }
        return Some(RepairTo::List(list));
    }
    if let Some(file) = file {
        return check_file(&file, sheet).then_some(RepairTo::File(file));
    }
    if let Some(other) = other {
        let Some((table, column)) = other.value.rsplit_once('.') else {
            let message = format!("`{}` names no column of a table", other.value);
            sheet.error(
                codes::REPAIR_TARGET,
                &other.span,
                message,
                "write the table and the column: `to_column = \"clean.countries.name\"`",
            );
            return None;
        };
        // The span of the table's name alone, inside the quotes.
        let start = other.span.start + 1;
        let span = start..(start + table.len()).min(other.span.end);
        return Some(RepairTo::Column { table: Spanned::new(table.to_string(), span), column: column.to_string() });
    }
    if frequent {
        return Some(RepairTo::Frequent { count_min: count_min.unwrap_or(10), ratio_min: ratio_min.unwrap_or(10.0) });
    }
    if !WAYS.iter().any(|k| *k != "frequent" && f.has(k)) {
        let problem = Problem::error(codes::KEY_MISSING, sheet.place(&f.span), "rule `repair` does not say what the right spellings are");
        sheet.push(problem.help(format!(
            "add one of {}",
            quoted(
                [
                    "to = [\"…\"]",
                    "to_file = \"….txt\"",
                    "to_column = \"clean.table.column\"",
                    "frequent = true",
                    "by = [\"…\"]",
                    "glued = true"
                ]
                .into_iter(),
                "or"
            )
        )));
    }
    None
}

fn check_file(file: &Spanned<String>, sheet: &mut Sheet) -> bool {
    let wrong = match std::fs::read(sheet.dir.join(&file.value)) {
        Err(e) => format!("`{}` cannot be read: {}", file.value, crate::load::io_reason(&e)),
        Ok(bytes) => match String::from_utf8(bytes) {
            Err(_) => format!("`{}` is not UTF-8", file.value),
            Ok(text) if text.lines().all(|l| l.trim().is_empty()) => format!("`{}` is empty: nothing can be repaired to it", file.value),
            Ok(_) => return true,
        },
    };
    sheet.error(
        codes::REPAIR_TARGET,
        &file.span,
        wrong,
        "a text file in UTF-8 with one right spelling a line; its path counts from the project directory",
    );
    false
}

/// `"keep"`, `"null"` or `{ value = "Unknown" }`.
fn otherwise(f: &mut Fields, sheet: &mut Sheet) -> Otherwise {
    let Some(v) = f.get("otherwise") else { return Otherwise::Keep };
    match &v.data {
        Data::Text(t) if t == "keep" => Otherwise::Keep,
        Data::Text(t) if t == "null" => Otherwise::Null,
        Data::Text(t) => {
            let problem = Problem::error(codes::VALUE_UNKNOWN, sheet.place(&v.span), format!("`otherwise` cannot be `{t}`"));
            sheet.push(problem.help(format!("write `\"keep\"`, `\"null\"`, or for a value `otherwise = {{ value = \"{t}\" }}`")));
            Otherwise::Keep
        }
        Data::Table(entries) => {
            let mut inner = Fields::new("`otherwise`", v.span.clone(), entries);
            let value = inner.get("value").and_then(|value| text_of(value, "value", sheet));
            let value = inner.need("value", value, "value = \"Unknown\"", sheet);
            inner.refuse_rest(sheet);
            value.map_or(Otherwise::Keep, |v| Otherwise::Value(v.value))
        }
        _ => {
            wrong_type(v, "otherwise", "`\"keep\"`, `\"null\"` or `{ value = \"…\" }`", None, sheet);
            Otherwise::Keep
        }
    }
}
