//! `functions/NAME.sql`: one SQL function of the user's own.

use crate::fields::Fields;
use crate::sheet::Sheet;
use crate::spec::Function;
use crate::{header, sql, view};
use sqlparser::ast::{CreateFunctionBody, Spanned as _, Statement};
use tidemill_core::codes;

const SHAPE: &str = "write `CREATE FUNCTION name(arg TYPE, …) RETURNS TYPE RETURN expression`";

pub(crate) fn read(function_name: &str, split: &header::Split, sheet: &mut Sheet) -> Function {
    let entries = sheet.parse();
    let mut f = Fields::new("the header", 0..0, &entries);
    let description = f.text_or_empty("description", sheet);
    f.refuse_rest(sheet);
    view::late_lines(split, sheet);
    check(function_name, &split.sql, sheet);
    Function { name: function_name.to_string(), file: sheet.file.clone(), description, sql: split.sql.clone() }
}

fn check(function_name: &str, sql: &crate::spec::Sql, sheet: &mut Sheet) {
    let Some(statement) = sql::check_statement(sql, "a function", sheet) else { return };
    let Statement::CreateFunction(create) = &statement else {
        let span = sql::first_word(sql);
        sheet.error(codes::FUNCTION_SHAPE, &span, "this is not a CREATE FUNCTION statement", SHAPE);
        return;
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
    if create.return_type.is_none() {
        sheet.error(codes::FUNCTION_SHAPE, &name_span, "the function does not say what it returns", SHAPE);
    }
    if !matches!(create.function_body, Some(CreateFunctionBody::Return(_))) {
        sheet.error(codes::FUNCTION_SHAPE, &name_span, "the function has no body of the form `RETURN expression`", SHAPE);
    }
}
