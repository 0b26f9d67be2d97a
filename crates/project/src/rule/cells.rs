//! Rules that change cells: text, invalid, missing, outliers, cast.

use super::{columns, into};
use crate::column::data_type;
use crate::fields::{Fields, option_value};
use crate::sheet::Sheet;
use crate::spec::{Case, Fill, OutlierAction, OutlierMethod, Rule, UnicodeForm};
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
