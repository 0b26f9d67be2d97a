//! `functions/NAME.sql`: one SQL function of the user's own, which gives a value or a table.

mod bracket;
mod test;

use crate::document::Entries;
use crate::fields::{Fields, text};
use crate::sheet::Sheet;
use crate::spec::{Function, Sql};
use crate::{header, sql, view};
use sqlparser::ast::{CreateFunction, CreateFunctionBody, DataType, Expr, FunctionReturnType, Spanned as _, Statement, Value};
use std::collections::{BTreeMap, BTreeSet};
use tidemill_core::problem::did_you_mean;
use tidemill_core::{Spanned, codes, name};

const SHAPE: &str = "write `CREATE FUNCTION name(arg TYPE, …) RETURNS TYPE RETURN expression`";
const TABLE_SHAPE: &str = "write `CREATE FUNCTION name(arg TYPE, …) RETURNS TABLE (column TYPE, …) RETURN SELECT …`";

pub(crate) fn read(function_name: &str, split: &header::Split, sheet: &mut Sheet) -> Function {
    let entries = sheet.parse();
    let mut f = Fields::new("the header", 0..0, &entries);
    let description = f.text_or_empty("description", sheet);
    let parameters = f.table("parameters", sheet).map(|(e, _)| descriptions(e, sheet)).unwrap_or_default();
    let columns = f.table("columns", sheet).map(|(e, _)| descriptions(e, sheet)).unwrap_or_default();
    let tests = f.get("tests").map(|v| test::read(v, sheet)).unwrap_or_default();
    f.refuse_rest(sheet);
    view::late_lines(split, sheet);
    let sql = Sql { text: bracket::bracketed(&split.sql.text), ..split.sql.clone() };
    let create = check(function_name, &sql, sheet);
    let gives_rows = create.as_ref().is_some_and(gives_rows);
    let body = create.as_ref().filter(|_| gives_rows).and_then(|c| quoted_body(c, &sql));
    if let Some(body) = &body {
        sql::check_select(body, "a function's body", sheet);
    }
    let described =
        [("parameter", &parameters, declared_parameters(create.as_ref())), ("column", &columns, declared_columns(create.as_ref()))];
    for (what, described, declared) in described.into_iter().filter(|_| create.is_some()) {
        refuse_undeclared(what, described, &declared, sheet);
    }
    let texts = |d: Vec<(Spanned<String>, String)>| d.into_iter().map(|(k, t)| (k.value, t)).collect::<BTreeMap<_, _>>();
    Function {
        name: function_name.to_string(),
        file: sheet.file.clone(),
        description,
        sql,
        body,
        gives_rows,
        parameters: texts(parameters),
        columns: texts(columns),
        tests,
    }
}

/// In an order in which each comes after those that it calls; otherwise by name. What calls itself stays where it is.
pub(crate) fn order(functions: Vec<Function>) -> Vec<Function> {
    let names: BTreeSet<String> = functions.iter().map(|f| f.name.clone()).collect();
    let mut left: Vec<(BTreeSet<String>, Function)> = functions
        .into_iter()
        .map(|f| {
            let calls = sql::calls(&f.code().text).into_iter().map(|c| c.name).filter(|c| names.contains(c) && *c != f.name);
            (calls.collect(), f)
        })
        .collect();
    let mut done: BTreeSet<String> = BTreeSet::new();
    let mut out = Vec::with_capacity(left.len());
    while !left.is_empty() {
        // In a circle any order is wrong, and the circle is told.
        let next = left.iter().position(|(calls, _)| calls.is_subset(&done)).unwrap_or(0);
        let (_, function) = left.remove(next);
        done.insert(function.name.clone());
        out.push(function);
    }
    out
}

type Described = Vec<(Spanned<String>, String)>;

fn descriptions(entries: &Entries, sheet: &mut Sheet) -> Described {
    let named = |k: &Spanned<String>| Spanned::new(name::normalise(&k.value), k.span.clone());
    entries.iter().filter_map(|(k, v)| text(v, &k.value, sheet).map(|t| (named(k), t.value))).collect()
}

fn refuse_undeclared(what: &str, described: &Described, declared: &[String], sheet: &mut Sheet) {
    for (key, _) in described {
        if !declared.contains(&key.value) {
            let help = match did_you_mean(&key.value, declared.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None if declared.is_empty() => "remove the line".to_string(),
                None => format!("there are {}", crate::fields::quoted(declared.iter().map(String::as_str), "and")),
            };
            sheet.error(codes::KEY_UNKNOWN, &key.span, format!("the function has no {what} `{}`", key.value), help);
        }
    }
}

fn declared_parameters(create: Option<&CreateFunction>) -> Vec<String> {
    let args = create.into_iter().flat_map(|c| c.args.iter().flatten());
    args.filter_map(|a| a.name.as_ref()).map(sql::ident_name).collect()
}

fn declared_columns(create: Option<&CreateFunction>) -> Vec<String> {
    match create.and_then(|c| c.return_type.as_ref()) {
        Some(FunctionReturnType::DataType(DataType::Table(Some(columns)))) => columns.iter().map(|c| sql::ident_name(&c.name)).collect(),
        _ => Vec::new(),
    }
}

fn gives_rows(create: &CreateFunction) -> bool {
    matches!(create.return_type, Some(FunctionReturnType::DataType(DataType::Table(_))))
}

fn check(function_name: &str, sql: &Sql, sheet: &mut Sheet) -> Option<CreateFunction> {
    let statement = sql::check_statement(sql, "a function", sheet)?;
    let Statement::CreateFunction(create) = statement else {
        let span = sql::first_word(sql);
        sheet.error(codes::FUNCTION_SHAPE, &span, "this is not a CREATE FUNCTION statement", SHAPE);
        return None;
    };
    let name_span = sql.locate(sql::byte_range(&sql.text, create.name.span()));
    let written = match create.name.0.as_slice() {
        [part] => part.as_ident().map(sql::ident_name),
        _ => None,
    };
    if written.as_deref() != Some(function_name) {
        let message = format!("the function is called `{}`, and its file `{function_name}.sql`", create.name);
        let help =
            format!("a function has the name of its file, without a schema: rename one of the two, for example to `{function_name}`");
        sheet.error(codes::FUNCTION_SHAPE, &name_span, message, help);
    }
    if let Some(language) = create.language.as_ref().filter(|l| !l.value.eq_ignore_ascii_case("sql")) {
        let span = sql.locate(sql::byte_range(&sql.text, language.span));
        sheet.error(
            codes::FUNCTION_SHAPE,
            &span,
            format!("functions are written in SQL, and this one in `{language}`"),
            "write LANGUAGE sql, or leave it out",
        );
    }
    if create.return_type.is_none() {
        sheet.error(codes::FUNCTION_SHAPE, &name_span, "the function does not say what it returns", SHAPE);
    }
    let (good, message, help) = match (&create.function_body, gives_rows(&create)) {
        (Some(CreateFunctionBody::Return(Expr::Subquery(_))), true) => (true, "", ""),
        (Some(CreateFunctionBody::AsBeforeOptions { .. }), true) => {
            let plain = quoted_body(&create, sql).is_some();
            (plain, "the body is in quotes, and holds quotes itself", "write it between `$$` and `$$`, or after RETURN")
        }
        (_, true) => (false, "the body of a function that returns a table is one SELECT", TABLE_SHAPE),
        (body, false) => {
            (matches!(body, Some(CreateFunctionBody::Return(_))), "the function has no body of the form `RETURN expression`", SHAPE)
        }
    };
    if !good {
        sheet.error(codes::FUNCTION_SHAPE, &name_span, message, help);
    }
    Some(create)
}

/// The SELECT between quotes, with its place.
fn quoted_body(create: &CreateFunction, sql: &Sql) -> Option<Sql> {
    let Some(CreateFunctionBody::AsBeforeOptions { body: Expr::Value(value), link_symbol: None }) = &create.function_body else {
        return None;
    };
    let (inner, quote) = match &value.value {
        Value::DollarQuotedString(s) => (&s.value, s.tag.as_ref().map_or(2, |t| t.len() + 2)),
        Value::SingleQuotedString(s) => (s, 1),
        _ => return None,
    };
    let at = sql::byte_range(&sql.text, value.span).start + quote;
    let range = at..at + inner.len();
    // A doubled quote inside makes the text another than what is written.
    (sql.text.get(range.clone()) == Some(inner.as_str())).then(|| Sql { text: inner.clone(), span: sql.locate(range), exact: sql.exact })
}
