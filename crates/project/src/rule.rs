//! `[[clean]]` entries: one rule each. This file knows the rules' names and what they share; the four files beside it know the keys of each.

mod cells;
mod features;
mod repair;
mod rows;
#[cfg(test)]
mod tests;

use crate::document::{Data, Entries};
use crate::fields::{Fields, names, quoted, wrong_type};
use crate::sheet::Sheet;
use crate::spec::{Columns, OnStream, Rule, RuleSpec, Span};
use tidemill_core::problem::did_you_mean;
use tidemill_core::{Problem, Spanned, codes, name};

type Reader = fn(&mut Fields, &mut Sheet) -> Option<Rule>;

/// Every rule by the word in the project file.
const RULES: [(&str, Reader); 16] = [
    ("text", cells::text),
    ("invalid", cells::invalid),
    ("missing", cells::missing),
    ("duplicates", rows::duplicates),
    ("repair", repair::repair),
    ("outliers", cells::outliers),
    ("scale", features::scale),
    ("encode", features::encode),
    ("bin", features::bin),
    ("derive", features::derive),
    ("date_parts", features::date_parts),
    ("drop", rows::drop),
    ("filter", rows::filter),
    ("rename", rows::rename),
    ("select", rows::select),
    ("cast", cells::cast),
];

pub(crate) fn read(entries: &Entries, span: &Span, sheet: &mut Sheet) -> Option<RuleSpec> {
    let mut f = Fields::new("the rule", span.clone(), entries);
    let word = f.text("rule", sheet);
    let word = f.need("rule", word, "rule = \"text\"", sheet)?;
    let Some((kind, reader)) = RULES.iter().find(|(kind, _)| *kind == word.value) else {
        let kinds = || RULES.iter().map(|(kind, _)| *kind);
        let help = match did_you_mean(&word.value, kinds()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the rules are {}", quoted(kinds(), "and")),
        };
        sheet.error(codes::RULE_UNKNOWN, &word.span, format!("there is no rule `{}`", word.value), help);
        return None;
    };
    f.owner = format!("rule `{kind}`");
    f.span = word.span.clone();
    let description = f.text_or_empty("description", sheet);
    let rule = reader(&mut f, sheet);
    // Those that fill cells, or take rows away that repeat others.
    let on_stream = match *kind {
        "missing" | "duplicates" | "derive" => {
            f.choice_or_default("on_stream", &[("refuse", OnStream::Refuse), ("skip", OnStream::Skip)], sheet)
        }
        _ => OnStream::Refuse,
    };
    if f.has("columns") && !f.asked("columns") && f.asked("column") {
        let problem = Problem::error(
            codes::RULE_KEY,
            sheet.place(&f.key_span("columns")),
            format!("rule `{kind}` takes one `column`, not `columns`"),
        );
        sheet.push(problem.help("write one `[[clean]]` entry for each column"));
        f.pass_over("columns");
    }
    f.refuse_rest_as(codes::RULE_KEY, sheet);
    Some(RuleSpec { rule: rule?, span: word.span, description, on_stream })
}

/// `column = "a"`, `columns = ["a", "b"]` or `columns = "*"`.
fn columns(f: &mut Fields, sheet: &mut Sheet) -> Option<Columns> {
    f.exclusive(&["column", "columns"], sheet);
    let single = f.text("column", sheet);
    let many = f.get("columns");
    match (single, many) {
        (Some(one), _) if one.value == "*" => Some(Columns::All(one.span)),
        (Some(one), _) => Some(Columns::Named(vec![one])),
        (None, Some(v)) => match &v.data {
            Data::Text(t) if t == "*" => Some(Columns::All(v.span.clone())),
            Data::List(items) if items.is_empty() => {
                sheet.error(
                    codes::VALUE_INVALID,
                    &v.span,
                    "`columns` is empty",
                    "name columns, or write `columns = \"*\"` for all that the rule can apply to",
                );
                None
            }
            Data::Text(_) | Data::List(_) => Some(Columns::Named(names(v, "columns", sheet))),
            _ => {
                wrong_type(
                    v,
                    "columns",
                    "a list of column names",
                    Some("for example `columns = [\"a\", \"b\"]`, or `columns = \"*\"`".into()),
                    sheet,
                );
                None
            }
        },
        (None, None) => {
            if !f.has("column") {
                let problem = Problem::error(codes::KEY_MISSING, sheet.place(&f.span), format!("{} has no `column` or `columns`", f.owner));
                sheet.push(problem.help("add `columns = [\"…\"]`, or `columns = \"*\"` for all that the rule can apply to"));
            }
            None
        }
    }
}

/// `column = "a"`, for rules that take one.
fn column(f: &mut Fields, sheet: &mut Sheet) -> Option<Spanned<String>> {
    let column = f.text("column", sheet);
    if column.is_none() && f.has("columns") {
        // `read` says that this rule takes one column.
        return None;
    }
    f.need("column", column, "column = \"…\"", sheet)
}

/// The name of a new column, which must do in SQL without quotes. Placeholders such as `{column}` do not count.
fn check_new_name(written: &Spanned<String>, what: &str, sheet: &mut Sheet) {
    let mut bare = written.value.clone();
    for placeholder in ["{column}", "{value}", "{part}"] {
        bare = bare.replace(placeholder, "x");
    }
    if bare.is_empty() || bare.contains(['{', '}']) {
        let message = format!("`{}` is not a name for {what}", written.value);
        sheet.error(
            codes::NAME_INVALID,
            &written.span,
            message,
            "write a name such as `{column}_scaled`; the placeholders are `{column}`, `{value}` (encode) and `{part}` (date_parts)",
        );
    } else if !name::is_plain(&bare) {
        let message = format!("`{}` is not a name for {what}", written.value);
        let help = format!("names are lower-case letters, digits and `_`: `{}`", name::normalise(&bare));
        sheet.error(codes::NAME_INVALID, &written.span, message, help);
    }
}

/// `into` of a rule that may write several columns: `None` for in place (`{column}`), else a template in which one column's name is
/// already put in.
fn into(f: &mut Fields, columns: Option<&Columns>, default: Option<&str>, sheet: &mut Sheet) -> Option<Spanned<String>> {
    let written = f.text("into", sheet);
    if let Some(w) = &written {
        check_new_name(w, "a column", sheet);
    }
    let mut template = written.or_else(|| default.map(|d| Spanned::default_of(d.to_string())))?;
    match columns {
        Some(Columns::Named(named)) if named.len() == 1 => {
            let column = name::normalise(&named[0].value);
            template.value = template.value.replace("{column}", &column);
            (template.value != column).then_some(template)
        }
        Some(_) if !template.value.contains("{column}") => {
            let message = format!("several columns would be written into one, `{}`", template.value);
            let help = format!("put the column's name in: `into = \"{{column}}_{}\"`", template.value.trim_start_matches('_'));
            sheet.error(codes::INTO_AMBIGUOUS, &template.span, message, help);
            Some(template)
        }
        _ => (template.value != "{column}").then_some(template),
    }
}

fn single(column: &Option<Spanned<String>>) -> Option<Columns> {
    column.clone().map(|c| Columns::Named(vec![c]))
}
