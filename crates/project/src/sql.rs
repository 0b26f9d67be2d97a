//! SQL as text with places: whether it parses, whether it is one SELECT, and which relations it reads. Types and columns are the
//! engine's business.

mod slip;
mod versions;

use crate::sheet::Sheet;
use crate::spec::{Span, Sql};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, Query, SetExpr, Spanned as _, Statement, TableFactor, Value, Visit, Visitor,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use tidemill_core::codes;

/// A relation named in SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `None` for a bare name.
    pub schema: Option<String>,
    pub name: String,
    /// Bytes of the SQL text.
    pub span: Span,
}

/// Every relation that `sql` reads from outside itself, in order of appearance: names of common table expressions are left out where
/// they are in force. `None` when the text does not parse.
pub fn references(sql: &Sql) -> Option<Vec<Reference>> {
    let statements = Parser::parse_sql(&PostgreSqlDialect {}, &versions::without(&sql.text)).ok()?;
    let mut finder = Finder { text: &sql.text, scopes: Vec::new(), found: Vec::new() };
    for statement in &statements {
        let _ = statement.visit(&mut finder);
    }
    Some(finder.found)
}

/// A name before a bracket: most likely a function called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub name: String,
    /// Bytes of the text.
    pub span: Span,
}

/// Every `$name` in a text, its name without the `$`, in order of appearance.
pub(crate) fn placeholders(text: &str) -> Vec<Call> {
    let mut tokens = Vec::new();
    let _ = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location_into_buf(&mut tokens);
    let placeholder = |t: &TokenWithSpan| match &t.token {
        Token::Placeholder(written) => Some(Call { name: written.strip_prefix('$')?.to_string(), span: byte_range(text, t.span) }),
        _ => None,
    };
    tokens.iter().filter_map(placeholder).collect()
}

/// Every call in a statement or an expression, in order of appearance; also of a text that does not parse, as far as it can be read.
pub fn calls(text: &str) -> Vec<Call> {
    let mut tokens = Vec::new();
    // On an error the tokens before it are kept.
    let _ = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location_into_buf(&mut tokens);
    tokens.retain(|t| !matches!(t.token, Token::Whitespace(_)));
    let call = |pair: &[TokenWithSpan]| match (&pair[0].token, &pair[1].token) {
        (Token::Word(w), Token::LParen) => {
            let name = if w.quote_style.is_some() { w.value.clone() } else { w.value.to_lowercase() };
            Some(Call { name, span: byte_range(text, pair[0].span) })
        }
        _ => None,
    };
    tokens.windows(2).filter_map(call).collect()
}

/// Reports `sql` unless it is one SELECT (or VALUES, or WITH).
pub(crate) fn check_select(sql: &Sql, what: &str, sheet: &mut Sheet) {
    let Some(statement) = check_statement(sql, what, sheet) else { return };
    let select = match &statement {
        Statement::Query(query) => !writes(query),
        _ => false,
    };
    if !select {
        let verb = sql.text[relative(sql, &first_word(sql))].to_uppercase();
        let help = match what {
            "a view" => "leave only the SELECT; how the result is stored is said by `materialized` in the header",
            _ => "write a SELECT: nothing here may change data",
        };
        sheet.error(codes::SQL_NOT_SELECT, &first_word(sql), format!("{what} must be a SELECT, and this is `{verb}`"), help);
    }
}

fn writes(query: &Query) -> bool {
    fn body(b: &SetExpr) -> bool {
        match b {
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => true,
            SetExpr::Query(q) => writes(q),
            SetExpr::SetOperation { left, right, .. } => body(left) || body(right),
            SetExpr::Select(s) => s.into.is_some(),
            SetExpr::Values(_) | SetExpr::Table(_) => false,
        }
    }
    body(&query.body) || query.with.as_ref().is_some_and(|w| w.cte_tables.iter().any(|c| writes(&c.query)))
}

/// The one statement of `sql`; reports it when it does not parse, is empty, or is not alone.
pub(crate) fn check_statement(sql: &Sql, what: &str, sheet: &mut Sheet) -> Option<Statement> {
    match Parser::parse_sql(&PostgreSqlDialect {}, &versions::without(&sql.text)) {
        Ok(mut statements) if statements.len() == 1 => statements.pop(),
        Ok(statements) if statements.is_empty() => {
            let place = tidemill_core::Place::file(sheet.file.clone());
            sheet.push(
                tidemill_core::Problem::error(codes::FILE_EMPTY, place, format!("{what} without any SQL")).help("write one statement"),
            );
            None
        }
        Ok(statements) => {
            let second = statements.get(1).map_or(0..0, |s| byte_range(&sql.text, s.span()));
            let second = if second.is_empty() { relative(sql, &first_word(sql)) } else { second.start..word_end(&sql.text, second.start) };
            let message = format!("{what} is one statement, and there are {}", statements.len());
            sheet.error(codes::SQL_MANY, &sql.locate(second), message, "put each into a file of its own");
            None
        }
        Err(e) => {
            let (message, range, help) = slip::bracket(&sql.text).unwrap_or_else(|| explain(&e, &sql.text));
            sheet.error(codes::SQL_SYNTAX, &sql.locate(range), message, help);
            None
        }
    }
}

/// Whether `sql` is one expression that reads nothing but the row, or the rows, it is about; reports it when it is not.
pub(crate) fn check_expression(sql: &Sql, what: &str, sheet: &mut Sheet) -> bool {
    let mut reads = Reads::default();
    let parsed = Parser::new(&PostgreSqlDialect {}).try_with_sql(&sql.text).and_then(|mut parser| {
        let found = parser.parse_expr()?;
        let next = parser.next_token();
        let _ = found.visit(&mut reads);
        Ok((next.token != Token::EOF).then_some(next))
    });
    match parsed {
        Err(e) => {
            let (message, range, help) = slip::bracket(&sql.text).unwrap_or_else(|| explain(&e, &sql.text));
            sheet.error(codes::SQL_SYNTAX, &sql.locate(range), message, help);
        }
        Ok(Some(next)) => {
            let help = match next.token {
                Token::Comma => "several stand in a list, each in quotes of its own".to_string(),
                _ => "remove it, or add the operator before it".to_string(),
            };
            let start = byte_range(&sql.text, next.span).start;
            let range = start..word_end(&sql.text, start);
            let message = format!("{what} is one SQL expression, which ends before `{}`", &sql.text[range.clone()]);
            sheet.error(codes::SQL_SYNTAX, &sql.locate(range), message, help);
        }
        Ok(None) if reads.query => {
            let help = "write a view that joins what is needed, and name it in `view`";
            sheet.error(codes::SQL_NOT_SELECT, &sql.span, format!("{what} holds a SELECT: it sees the rows of one view only"), help);
        }
        Ok(None) => return true,
    }
    false
}

#[derive(Default)]
struct Reads {
    query: bool,
}

impl Visitor for Reads {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.query = true;
        ControlFlow::Break(())
    }
}

/// An identifier as the engine sees it: lower-case unless quoted.
pub(crate) fn ident_name(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// Place of the first word that is not a comment.
pub(crate) fn first_word(sql: &Sql) -> Span {
    let mut at = 0;
    for line in sql.text.split_inclusive('\n') {
        let bare = line.trim_start();
        if !bare.is_empty() && !bare.starts_with("--") {
            at += line.len() - bare.len();
            return sql.locate(at..word_end(&sql.text, at));
        }
        at += line.len();
    }
    sql.span.clone()
}

fn relative(sql: &Sql, span: &Span) -> Span {
    if sql.exact {
        span.start.saturating_sub(sql.span.start)..span.end.saturating_sub(sql.span.start)
    } else {
        let start = sql.text.len() - sql.text.trim_start().len();
        start..word_end(&sql.text, start)
    }
}

/// sqlparser counts lines and characters from 1; spans count bytes.
pub(crate) fn byte_range(text: &str, span: sqlparser::tokenizer::Span) -> Span {
    let start = offset(text, span.start.line, span.start.column);
    let end = offset(text, span.end.line, span.end.column);
    start..end.max(start)
}

fn offset(text: &str, line: u64, column: u64) -> usize {
    let mut start = 0;
    for _ in 1..line {
        match text[start..].find('\n') {
            Some(at) => start += at + 1,
            None => return text.len(),
        }
    }
    let rest = &text[start..];
    rest.char_indices().nth((column.max(1) - 1) as usize).map_or(text.len(), |(i, _)| start + i)
}

fn word_end(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    let len = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    start + if len == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { len }
}

/// What the parser says, in our words, and where.
fn explain(e: &ParserError, text: &str) -> (String, Span, String) {
    let said = match e {
        ParserError::TokenizerError(s) | ParserError::ParserError(s) => s.as_str(),
        ParserError::RecursionLimitExceeded => return ("the SQL is nested too deeply".into(), 0..0, "split it into several views".into()),
    };
    let (message, place) = said.rsplit_once(" at Line: ").unwrap_or((said, ""));
    let mut numbers = place.split(", Column: ").filter_map(|n| n.trim().parse::<u64>().ok());
    let mut start = match (numbers.next(), numbers.next()) {
        (Some(line), Some(column)) => offset(text, line, column),
        _ => text.trim_end().len(),
    };
    let expectation = message.strip_prefix("Expected: ").or_else(|| message.strip_prefix("Expected "));
    let (expected, found) = match expectation.and_then(|m| m.split_once(", found: ")) {
        Some((expected, found)) => (expected.trim_end_matches(','), found),
        None => {
            let mut chars = message.chars();
            let lower: String = chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default();
            let help = if lower.contains("nterminated") { "close it with the same quote" } else { "the dialect is PostgreSQL's" };
            return (lower, start..word_end(text, start), help.into());
        }
    };
    if found == "EOF" {
        let end = text.trim_end().len();
        return (format!("the SQL ends where {expected} is expected"), end..end, "complete the statement".into());
    }
    // Some messages are placed one token late.
    if !text[start..].starts_with(found) {
        start = text[..start].rfind(found).unwrap_or(start);
    }
    let help = match before(text, start) {
        _ if slip::keyword(text, start).is_some() => slip::keyword(text, start).unwrap_or_default(),
        // A comma too many is by far the commonest slip.
        Some(',') => "remove the comma before it, or add what should stand between".to_string(),
        _ => format!("look for a missing comma, operator or keyword before `{found}`"),
    };
    (format!("expected {expected}, found `{found}`"), start..start + found.len().min(text.len() - start), help)
}

fn before(text: &str, at: usize) -> Option<char> {
    text[..at].trim_end().chars().next_back()
}

// ---------------------------------------------------------------------------------------------- references

/// One query being visited: which of its common table expressions are in force.
struct Scope {
    /// Address of each expression's query, and the name that it defines.
    defined: Vec<(*const Query, String)>,
    recursive: bool,
    in_force: BTreeSet<String>,
}

struct Finder<'a> {
    text: &'a str,
    scopes: Vec<Scope>,
    found: Vec<Reference>,
}

impl Finder<'_> {
    fn add(&mut self, name: &ObjectName) {
        let parts: Option<Vec<&Ident>> = name.0.iter().map(|p| p.as_ident()).collect();
        let Some(parts) = parts else { return };
        let names: Vec<String> = parts.iter().map(|p| ident_name(p)).collect();
        self.add_parts(&names, byte_range(self.text, name.span()));
    }

    fn add_parts(&mut self, names: &[String], span: Span) {
        match names {
            [name] => {
                if !self.scopes.iter().any(|s| s.in_force.contains(name)) {
                    self.found.push(Reference { schema: None, name: name.clone(), span });
                }
            }
            [.., schema, name] => self.found.push(Reference { schema: Some(schema.clone()), name: name.clone(), span }),
            [] => {}
        }
    }

    /// Table functions that take a relation: windows by name, `version_of` by text.
    fn add_argument(&mut self, function: &str, args: &[FunctionArg]) {
        let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(first))) = args.first() else { return };
        match (function, first) {
            ("tumble" | "hop" | "session" | "cumulate", Expr::Identifier(ident)) => {
                self.add_parts(&[ident_name(ident)], byte_range(self.text, ident.span));
            }
            ("tumble" | "hop" | "session" | "cumulate", Expr::CompoundIdentifier(idents)) => {
                let names: Vec<String> = idents.iter().map(ident_name).collect();
                self.add_parts(&names, byte_range(self.text, first.span()));
            }
            ("version_of", Expr::Value(v)) => {
                if let Value::SingleQuotedString(s) = &v.value {
                    let names: Vec<String> = s.split('.').map(str::to_lowercase).collect();
                    self.add_parts(&names, byte_range(self.text, v.span));
                }
            }
            _ => {}
        }
    }
}

impl Visitor for Finder<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let Some(parent) = self.scopes.last_mut().filter(|s| s.recursive)
            && let Some((_, name)) = parent.defined.iter().find(|(q, _)| std::ptr::eq(*q, query))
        {
            parent.in_force.insert(name.clone());
        }
        let with = query.with.as_ref();
        self.scopes.push(Scope {
            defined: with
                .map(|w| w.cte_tables.iter().map(|c| (&raw const *c.query, ident_name(&c.alias.name))).collect())
                .unwrap_or_default(),
            recursive: with.is_some_and(|w| w.recursive),
            in_force: BTreeSet::new(),
        });
        if let SetExpr::Table(table) = query.body.as_ref() {
            let names: Vec<String> = table.schema_name.iter().chain(table.table_name.iter()).map(|n| n.to_lowercase()).collect();
            self.add_parts(&names, 0..0);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.scopes.pop();
        // An expression's name is in force for what comes after it.
        if let Some(parent) = self.scopes.last_mut()
            && let Some((_, name)) = parent.defined.iter().find(|(q, _)| std::ptr::eq(*q, query))
        {
            parent.in_force.insert(name.clone());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, args: None, .. } => self.add(name),
            TableFactor::Table { name, args: Some(args), .. } => self.add_argument(&name.to_string().to_lowercase(), &args.args),
            TableFactor::Function { name, args, .. } => self.add_argument(&name.to_string().to_lowercase(), args),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests;
