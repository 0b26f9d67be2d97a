//! `exports/NAME.toml`: where results go.

use crate::fields::Fields;
use crate::sheet::Sheet;
use crate::spec::{Export, Options};
use crate::{options, sql};
use tidemill_core::{Problem, Spanned, codes};

pub(crate) fn read(export_name: &str, sheet: &mut Sheet) -> Export {
    let entries = sheet.parse();
    let mut f = Fields::new("the export", 0..0, &entries);
    let description = f.text_or_empty("description", sheet);
    f.exclusive(&["from", "sql"], sheet);
    let from = f.text("from", sheet);
    let select = f.sql("sql", sheet);
    if !f.has("from") && !f.has("sql") {
        let problem = Problem::error(codes::KEY_MISSING, sheet.place(&f.span), "the export does not say what to write");
        sheet.push(problem.help("add `from = \"…\"` with the name of a view or table, or `sql = \"SELECT …\"`"));
    }
    if let Some(select) = &select {
        sql::check_select(select, "an export", sheet);
    }
    if let Some(name) = from.as_ref().filter(|from| from.value.trim().contains(char::is_whitespace)) {
        let problem = Problem::error(codes::SQL_TABLE_UNKNOWN, sheet.place(&name.span), "`from` is the name of a view or table, not SQL");
        sheet.push(problem.help("write `sql = \"SELECT …\"` instead of `from`"));
    }
    let (connector, options) = target(&mut f, sheet);
    f.refuse_rest(sheet);
    let from = match &select {
        Some(select) if from.is_none() => Spanned::new(select.text.clone(), select.span.clone()),
        _ => from.unwrap_or_default(),
    };
    Export { name: export_name.to_string(), file: sheet.file.clone(), description, from, sql: select, connector, options }
}

fn target(f: &mut Fields, sheet: &mut Sheet) -> (Spanned<String>, Options) {
    let files = || Spanned::default_of("files".to_string());
    let table = f.table("to", sheet);
    let Some((entries, span)) = f.need("to", table, "[to]` with `path = \"out/….parquet\"", sheet) else {
        return (files(), Options::new());
    };
    let mut to = Fields::new("`[to]`", span, entries);
    let connector = to.text("connector", sheet).unwrap_or_else(files);
    (connector, options::read(&to, sheet))
}
