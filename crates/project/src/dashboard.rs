//! `dashboards/NAME.toml`: panels and filters over views, and the SQL of each panel ([`query`]).

mod panel;
pub mod query;
mod spec;
#[cfg(test)]
mod tests;

pub use spec::{Bucket, Dashboard, Filter, FilterDefault, FilterKind, Format, Measure, Order, Panel, PanelKind, Written};

use crate::document::{Data, Entries, Value};
use crate::fields::{Fields, scalar_text, wrong_type};
use crate::settings::parse_duration;
use crate::sheet::Sheet;
use crate::spec::Span;
use sqlparser::ast::Expr;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use tidemill_core::{Spanned, codes};

/// Place in the menu of a dashboard that does not say.
const POSITION: i64 = 100;

pub(crate) fn read(dashboard_name: &str, sheet: &mut Sheet) -> Dashboard {
    let entries = sheet.parse();
    let mut f = Fields::new("the dashboard", 0..0, &entries);
    let title = f.text("title", sheet);
    let title = f.need("title", title, "title = \"…\"", sheet);
    let description = f.text_or_empty("description", sheet);
    let position = f.whole("position", 0..=1_000_000, sheet).map_or(POSITION, |n| n.value);
    let entity = f.text("entity", sheet);
    let filters: Vec<Filter> =
        sections("filters", &mut f, sheet).into_iter().filter_map(|(entries, span)| filter(entries, span, sheet)).collect();
    for (i, filter) in filters.iter().enumerate() {
        if filters[..i].iter().any(|f| f.column.value == filter.column.value) {
            let message = format!("there are two filters of `{}`", filter.column.value);
            sheet.error(codes::NAME_REPEATED, &filter.column.span, message, "remove one of the two");
        }
    }
    let panels = sections("panels", &mut f, sheet).into_iter().filter_map(|(e, span)| panel::read(e, span, sheet)).collect();
    if !f.has("panels") {
        f.need("panels", None::<()>, "[[panels]]` with `kind = \"table\"` and `view = \"…\"", sheet);
    }
    f.refuse_rest(sheet);
    Dashboard {
        name: dashboard_name.to_string(),
        file: sheet.file.clone(),
        title: title.map_or_else(|| dashboard_name.to_string(), |t| t.value),
        description,
        position,
        entity,
        filters,
        panels,
    }
}

/// The sections `[[key]]`.
fn sections<'d>(key: &'static str, f: &mut Fields<'d>, sheet: &mut Sheet) -> Vec<(&'d Entries, Span)> {
    let Some(value) = f.get(key) else { return Vec::new() };
    let brackets = || Some(format!("each is a section of its own, with two brackets: `[[{key}]]`"));
    let Data::List(items) = &value.data else {
        wrong_type(value, key, "a list of sections", brackets(), sheet);
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| match &item.data {
            Data::Table(entries) => Some((entries, item.span.clone())),
            _ => {
                wrong_type(item, key, "a section", brackets(), sheet);
                None
            }
        })
        .collect()
}

fn filter(entries: &Entries, span: Span, sheet: &mut Sheet) -> Option<Filter> {
    let mut f = Fields::new("the filter", span, entries);
    let column = f.text("column", sheet);
    let column = f.need("column", column, "column = \"…\"", sheet);
    let label = f.text("label", sheet).map(|l| l.value);
    let kind = f.choice("kind", &FilterKind::ALL, sheet);
    let default = f.get("default").and_then(|v| written(v, sheet));
    f.refuse_rest(sheet);
    let filter = Filter { column: column?, label, kind, default };
    if let (Some(kind), Some(default)) = (&filter.kind, &filter.default)
        && let Err(help) = filter.default_as(kind.value)
    {
        let message = format!("a filter of kind `{}` does not begin like this", kind.value.as_str());
        sheet.error(codes::VALUE_INVALID, &default.span, message, help);
    }
    Some(filter)
}

fn written(value: &Value, sheet: &mut Sheet) -> Option<Spanned<Written>> {
    let text = |v: &Value, sheet: &mut Sheet| {
        let text = scalar_text(v);
        if text.is_none() {
            wrong_type(v, "default", "a value or a list of values", None, sheet);
        }
        text
    };
    let written = match &value.data {
        Data::List(items) => Written::List(items.iter().filter_map(|item| text(item, sheet)).collect()),
        _ => Written::One(text(value, sheet)?),
    };
    Some(Spanned::new(written, value.span.clone()))
}

impl Filter {
    /// What the filter says at first, if it is one of `kind`; or else what to write.
    pub fn default_as(&self, kind: FilterKind) -> Result<Option<FilterDefault>, String> {
        let Some(default) = &self.default else { return Ok(None) };
        let end = |text: &String| (!text.is_empty()).then(|| text.clone());
        match (kind, &default.value) {
            (FilterKind::Select, Written::One(one)) => Ok(Some(FilterDefault::In(vec![one.clone()]))),
            (FilterKind::Select, Written::List(list)) => Ok(Some(FilterDefault::In(list.clone()))),
            (_, Written::List(list)) => match &list[..] {
                [from, to] => Ok(Some(FilterDefault::Between(end(from), end(to)))),
                _ => Err("write where it begins and where it ends, one of them `\"\"` if it is open: `[\"2024-01-01\", \"\"]`".into()),
            },
            (FilterKind::Time, Written::One(ago)) => match parse_duration(ago) {
                Ok(d) => Ok(Some(FilterDefault::Newest(i64::try_from(d.as_micros()).unwrap_or(i64::MAX)))),
                Err(_) => Err("write how long before the newest, such as `\"90d\"`, or `[from, to]`".into()),
            },
            (FilterKind::Range, Written::One(_)) => Err("write `[from, to]`".into()),
        }
    }

    /// As which kind it is shown.
    pub fn kind_for(&self, column: query::Kind) -> FilterKind {
        use query::Kind;
        self.kind.as_ref().map_or(
            match column {
                Kind::Text | Kind::Boolean => FilterKind::Select,
                Kind::Integer | Kind::Number => FilterKind::Range,
                Kind::Date | Kind::Time => FilterKind::Time,
            },
            |k| k.value,
        )
    }
}

/// The column that an expression is, if it is nothing else.
pub(crate) fn plain_column(text: &str) -> Option<String> {
    match expression(text)? {
        Expr::Identifier(ident) => Some(crate::sql::ident_name(&ident)),
        _ => None,
    }
}

/// A text as one SQL expression, if it is one.
fn expression(text: &str) -> Option<Expr> {
    let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(text).ok()?;
    let found = parser.parse_expr().ok()?;
    parser.peek_token().token.eq(&sqlparser::tokenizer::Token::EOF).then_some(found)
}
