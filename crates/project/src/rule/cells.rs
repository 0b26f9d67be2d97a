//! Rules that change cells: text, invalid, missing, repair, outliers, cast.

use super::{column, columns, into, single};
use crate::column::data_type;
use crate::document::Data;
use crate::fields::{Fields, option_value, quoted, text as text_of, wrong_type};
use crate::sheet::Sheet;
use crate::spec::{Case, Fill, Otherwise, OutlierAction, OutlierMethod, RepairTo, Rule, UnicodeForm};
use tidemill_core::{Problem, Spanned, codes};

pub(super) fn text(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    let columns = columns(f, sheet);
    let unicode = f.choice("unicode", &[("nfc", UnicodeForm::Nfc), ("nfkc", UnicodeForm::Nfkc)], sheet).map(|c| c.value);
    let trim = f.flag("trim", true, sheet);
    let collapse_spaces = f.flag("collapse_spaces", false, sheet);
    let case = f.choice("case", &[("lower", Case::Lower), ("upper", Case::Upper), ("title", Case::Title)], sheet).map(|c| c.value);
    let empty_to_null = f.flag("empty_to_null", true, sheet);
    Some(Rule::Text { columns: columns?, unicode, trim, collapse_spaces, case, empty_to_null })
}

pub(super) fn invalid(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    let columns = columns(f, sheet);
    let condition = f.sql("where", sheet);
    let condition = f.need("where", condition, "where = \"age > 120\"", sheet);
    Some(Rule::Invalid { columns: columns?, condition: condition? })
}

#[derive(Clone, Copy, PartialEq)]
enum With {
    Drop,
    Constant,
    Mean,
    Median,
    Mode,
    Forward,
}

pub(super) fn missing(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    let columns = columns(f, sheet);
    let with = f.choice(
        "with",
        &[
            ("drop", With::Drop),
            ("constant", With::Constant),
            ("mean", With::Mean),
            ("median", With::Median),
            ("mode", With::Mode),
            ("forward", With::Forward),
        ],
        sheet,
    );
    let value = f.get("value").map(option_value);
    let by = f.names("by", sheet);
    let order_by = f.names("order_by", sheet);
    // A value alone says what is meant.
    let with = match (&with, &value) {
        (None, Some(v)) if !f.has("with") => Some(Spanned::new(With::Constant, v.span.clone())),
        _ => f.need("with", with, "with = \"median\"", sheet),
    }?;
    let fill = match (with.value, value) {
        (With::Constant, Some(v)) => Fill::Constant(v),
        (With::Constant, None) => {
            f.need("value", None::<()>, "value = 0", sheet);
            return None;
        }
        (_, Some(_)) => {
            let problem =
                Problem::error(codes::KEY_CONFLICT, sheet.place(&f.key_span("value")), "`value` is only for `with = \"constant\"`");
            sheet.push(problem.help("remove `value`, or write `with = \"constant\"`"));
            return None;
        }
        (With::Drop, None) => Fill::Drop,
        (With::Mean, None) => Fill::Mean,
        (With::Median, None) => Fill::Median,
        (With::Mode, None) => Fill::Mode,
        (With::Forward, None) => Fill::Forward,
    };
    for (key, fits, takes) in [
        ("by", !matches!(with.value, With::Drop | With::Constant), "`mean`, `median`, `mode` and `forward`"),
        ("order_by", with.value == With::Forward, "`forward`"),
    ] {
        if f.has(key) && !fits {
            let problem =
                Problem::error(codes::KEY_CONFLICT, sheet.place(&f.key_span(key)), format!("`{key}` does nothing with this `with`"));
            sheet.push(problem.help(format!("it is for {takes}; remove it")));
        }
    }
    Some(Rule::Missing { columns: columns?, with: fill, by, order_by })
}

pub(super) fn repair(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    let column = column(f, sheet);
    f.exclusive(&["to", "to_file", "to_column", "frequent"], sheet);
    let to = target(f, sheet);
    let distance_max = f.whole("distance_max", 1..=64, sheet).map_or(2, |n| n.value as u32);
    let confidence_min = f.number("confidence_min", 0.0..=1.0, sheet).map_or(0.0, |n| n.value);
    let ignore_case = f.flag("ignore_case", true, sheet);
    let trim = f.flag("trim", true, sheet);
    let otherwise = otherwise(f, sheet);
    let into = into(f, single(&column).as_ref(), None, sheet);
    Some(Rule::Repair { column: column?, to: to?, distance_max, confidence_min, ignore_case, trim, otherwise, into })
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
    if !["to", "to_file", "to_column"].iter().any(|k| f.has(k)) {
        let problem = Problem::error(codes::KEY_MISSING, sheet.place(&f.span), "rule `repair` does not say what the right spellings are");
        sheet.push(problem.help(format!(
            "add one of {}",
            quoted(["to = [\"…\"]", "to_file = \"….txt\"", "to_column = \"clean.table.column\"", "frequent = true"].into_iter(), "or")
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

#[derive(Clone, Copy, PartialEq)]
enum Method {
    Iqr,
    ZScore,
    Quantile,
}

pub(super) fn outliers(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    let columns = columns(f, sheet);
    let method = f.choice("method", &[("iqr", Method::Iqr), ("zscore", Method::ZScore), ("quantile", Method::Quantile)], sheet);
    let method = f.need("method", method, "method = \"iqr\"", sheet).map(|m| m.value);
    let factor = f.number("factor", 0.0..=f64::INFINITY, sheet);
    let threshold = f.number("threshold", 0.0..=f64::INFINITY, sheet);
    let lower = f.number("lower", 0.0..=1.0, sheet).map_or(0.01, |n| n.value);
    let upper = f.number("upper", 0.0..=1.0, sheet).map_or(0.99, |n| n.value);
    for (key, of, word) in [
        ("factor", Method::Iqr, "iqr"),
        ("threshold", Method::ZScore, "zscore"),
        ("lower", Method::Quantile, "quantile"),
        ("upper", Method::Quantile, "quantile"),
    ] {
        if f.has(key) && method.is_some_and(|m| m != of) {
            let problem =
                Problem::error(codes::KEY_CONFLICT, sheet.place(&f.key_span(key)), format!("`{key}` is only for `method = \"{word}\"`"));
            sheet.push(problem.help(format!("remove `{key}`, or change the method")));
        }
    }
    if lower >= upper {
        let span = f.key_span(if f.has("lower") { "lower" } else { "upper" });
        sheet.error(
            codes::RULE_INCONSISTENT,
            &span,
            format!("`lower` ({lower}) must be less than `upper` ({upper})"),
            "for example `lower = 0.01` and `upper = 0.99`",
        );
    }
    let action = f.choice(
        "action",
        &[("clip", OutlierAction::Clip), ("missing", OutlierAction::Missing), ("drop", OutlierAction::Drop), ("flag", OutlierAction::Flag)],
        sheet,
    );
    let action = f.need("action", action, "action = \"clip\"", sheet).map(|a| a.value);
    let default = (action == Some(OutlierAction::Flag)).then_some("{column}_outlier");
    let into = into(f, columns.as_ref(), default, sheet);
    if f.has("into") && action.is_some_and(|a| a != OutlierAction::Flag) {
        let problem = Problem::error(codes::KEY_CONFLICT, sheet.place(&f.key_span("into")), "`into` is only for `action = \"flag\"`");
        sheet.push(problem.help("remove `into`: the other actions change the column itself"));
    }
    let method = match method? {
        Method::Iqr => OutlierMethod::Iqr { factor: factor.map_or(1.5, |n| n.value) },
        Method::ZScore => OutlierMethod::ZScore { threshold: threshold.map_or(3.0, |n| n.value) },
        Method::Quantile => OutlierMethod::Quantile { lower, upper },
    };
    Some(Rule::Outliers { columns: columns?, method, action: action?, into })
}

pub(super) fn cast(f: &mut Fields, sheet: &mut Sheet) -> Option<Rule> {
    let columns = columns(f, sheet);
    let written = f.text("type", sheet);
    let written = f.need("type", written, "type = \"int64\"", sheet);
    let data_type = written.and_then(|t| data_type(&t, sheet));
    Some(Rule::Cast { columns: columns?, data_type: data_type? })
}
