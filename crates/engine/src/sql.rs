//! Text to syntax tree: parsing, the refusal of everything that is not a question, and finding things in the text.

use crate::advice;
use crate::dialect::Postgres;
use crate::problem::{SqlProblem, SqlProblemKind};
use crate::windows;
use datafusion::sql::parser::{DFParserBuilder, Statement as DfStatement};
use datafusion::sql::sqlparser::ast::{ExprWithAlias, Ident, Query, Select, SetExpr, Spanned, Statement, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Location, Span, Token, Tokenizer};
use std::ops::{ControlFlow, Range};

/// How deep expressions and queries may nest.
const DEPTH_MAX: usize = 100;

/// One statement that only asks.
pub(crate) fn parse_question(text: &str) -> Result<DfStatement, SqlProblem> {
    let statement = parse_statement(text)?;
    only_asks(&statement, text)?;
    Ok(statement)
}

/// One statement of any kind.
pub(crate) fn parse_statement(text: &str) -> Result<DfStatement, SqlProblem> {
    let dialect = Postgres { versions: tokens(text).iter().any(|t| t.is_keyword(Keyword::SYSTEM_TIME)) };
    let mut statements = DFParserBuilder::new(text)
        .with_dialect(&dialect)
        .with_recursion_limit(DEPTH_MAX)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|e| first(advice::problems(&e, text)))?;
    let Some(mut statement) = statements.pop_front() else {
        return Err(SqlProblem::new(SqlProblemKind::Syntax, "there is no SQL here").help("write a SELECT"));
    };
    if !statements.is_empty() {
        // Where the first one ends: at the first semicolon outside of strings and comments.
        let tokens = tokens(text);
        let end = tokens.iter().position(|t| t.token == Token::SemiColon);
        let second = end.and_then(|i| tokens[i..].iter().find(|t| t.token != Token::SemiColon)).map(|t| t.span.clone());
        return Err(SqlProblem::new(SqlProblemKind::Syntax, "there is more than one statement here").at(second).help("keep one of them"));
    }
    windows::settle(&mut statement, text)?;
    Ok(statement)
}

/// One expression, all of the text.
pub(crate) fn parse_expression(text: &str) -> Result<ExprWithAlias, SqlProblem> {
    if tokens(text).is_empty() && text.trim().is_empty() {
        return Err(SqlProblem::new(SqlProblemKind::Syntax, "there is no expression here"));
    }
    DFParserBuilder::new(text)
        .with_dialect(&Postgres { versions: false })
        .with_recursion_limit(DEPTH_MAX)
        .build()
        .and_then(|mut parser| parser.parse_into_expr())
        .map_err(|e| first(advice::problems(&e, text)))
}

pub(crate) fn first(problems: Vec<SqlProblem>) -> SqlProblem {
    problems.into_iter().next().unwrap_or_else(|| SqlProblem::new(SqlProblemKind::Other, "this SQL cannot be planned"))
}

fn only_asks(statement: &DfStatement, text: &str) -> Result<(), SqlProblem> {
    match statement {
        DfStatement::Explain(explain) => only_asks(&explain.statement, text),
        DfStatement::Statement(inner) => match inner.as_ref() {
            Statement::Query(query) => {
                let mut writes = Writes { text, found: None };
                let _ = query.visit(&mut writes);
                writes.found.map_or(Ok(()), Err)
            }
            Statement::ShowTables { .. } | Statement::ShowColumns { .. } | Statement::ExplainTable { .. } => Ok(()),
            Statement::Explain { statement, .. } => only_asks(&DfStatement::Statement(statement.clone()), text),
            _ => Err(refused(text, None)),
        },
        _ => Err(refused(text, None)),
    }
}

/// Looks for what writes inside of a query: `WITH x AS (DELETE …)`, `SELECT … INTO t`.
struct Writes<'a> {
    text: &'a str,
    found: Option<SqlProblem>,
}

impl Visitor for Writes<'_> {
    type Break = ();
    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) = query.body.as_ref() {
            self.found = Some(refused(self.text, Some(query.body.to_string().split(' ').next().unwrap_or_default())));
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        if let Some(into) = &select.into {
            let span = word(self.text, "into").or_else(|| range(self.text, into.span()));
            let problem = SqlProblem::new(SqlProblemKind::NotSelect, "SELECT INTO makes a table, and SQL here only asks").at(span);
            self.found = Some(problem.help("leave INTO out; a view with `--! materialized = \"table\"` is kept as a table"));
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

fn refused(text: &str, verb: Option<&str>) -> SqlProblem {
    let tokens = tokens(text);
    let explain = tokens.first().is_some_and(|t| t.is_keyword(Keyword::EXPLAIN));
    let token = match verb {
        Some(verb) => tokens.iter().find(|t| text[t.span.clone()].eq_ignore_ascii_case(verb)),
        // `EXPLAIN [ANALYZE] INSERT …`: what is refused is what is explained.
        None if explain => {
            tokens.iter().find(|t| !(t.is_keyword(Keyword::EXPLAIN) || t.is_keyword(Keyword::ANALYZE) || t.is_keyword(Keyword::VERBOSE)))
        }
        None => tokens.first(),
    };
    let span = token.map(|t| t.span.clone());
    let verb = span.clone().map_or_else(|| "this statement".into(), |r| text[r].to_uppercase());
    let rest = span.clone().map_or("", |r| &text[r.end..]).trim_start().to_lowercase();
    let rest = rest.strip_prefix("or replace").map_or(rest.as_str(), str::trim_start);
    let help = match verb.as_str() {
        "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "TRUNCATE" => {
            "rows come from the sources in `tables/*.toml` and change with `tidemill run`"
        }
        "CREATE" if rest.starts_with("function") => "a function is a file: put it in `functions/NAME.sql`",
        "CREATE" => "a view is a file: put its SELECT in `views/NAME.sql`; `--! materialized = \"table\"` keeps it as a table",
        "DROP" | "ALTER" => "tables and views are files of the project: edit or delete the file",
        "COPY" => "an export is a file: `exports/NAME.toml`",
        "SET" | "RESET" => "settings stand in `tidemill.toml`, under `[engine]`",
        "SHOW" => "there are SHOW TABLES and SHOW COLUMNS FROM a table",
        _ => "write a SELECT",
    };
    SqlProblem::new(
        SqlProblemKind::NotSelect,
        format!("{verb} is not a question: only SELECT, WITH, VALUES, EXPLAIN, SHOW TABLES and DESCRIBE are taken"),
    )
    .at(span)
    .help(help)
}

// --------------------------------------------------------------------------------------------- finding things in the text

/// A name as it is stored: quoted ones as they are, others lower-cased.
pub(crate) fn normal(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// A token that means something, and its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) token: Token,
    pub(crate) span: Range<usize>,
}

impl Found {
    pub(crate) fn is_keyword(&self, keyword: Keyword) -> bool {
        matches!(&self.token, Token::Word(w) if w.keyword == keyword && w.quote_style.is_none())
    }
}

/// All tokens but white space and comments; as far as the text can be read.
pub(crate) fn tokens(text: &str) -> Vec<Found> {
    let mut all = Vec::new();
    // On an error the tokens before it are kept, which is what is wanted.
    let _ = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location_into_buf(&mut all);
    all.into_iter()
        .filter(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF))
        .filter_map(|t| Some(Found { span: range(text, t.span)?, token: t.token }))
        .collect()
}

/// Where a name stands as a word of its own: as written, else whatever its case.
pub(crate) fn word(text: &str, name: &str) -> Option<Range<usize>> {
    let tokens = tokens(text);
    let is = |exact: bool| {
        tokens.iter().find(|t| match &t.token {
            Token::Word(w) if exact => w.value == name,
            Token::Word(w) => w.value.eq_ignore_ascii_case(name),
            _ => false,
        })
    };
    is(true).or_else(|| is(false)).map(|t| t.span.clone())
}

/// Everywhere that a name stands as a word of its own, whatever its case.
pub(crate) fn words(text: &str, name: &str) -> Vec<Range<usize>> {
    let is = |t: &Found| matches!(&t.token, Token::Word(w) if w.value.eq_ignore_ascii_case(name));
    tokens(text).into_iter().filter(is).map(|t| t.span).collect()
}

/// A span with the brackets closed that were opened in it: the parser's spans of calls end before them.
pub(crate) fn closed(text: &str, span: Range<usize>) -> Range<usize> {
    let mut depth = 0i32;
    let mut end = span.end;
    for t in tokens(text).into_iter().filter(|t| t.span.start >= span.start) {
        if t.span.start >= span.end && depth <= 0 {
            break;
        }
        match t.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        end = end.max(t.span.end);
    }
    // Brackets that are never closed: what the parser said.
    if depth > 0 { span } else { span.start..end }
}

/// Bytes of a span that the parser gave in lines and columns.
pub(crate) fn range(text: &str, span: Span) -> Option<Range<usize>> {
    if span == Span::empty() {
        return None;
    }
    let start = offset(text, span.start)?;
    let end = offset(text, span.end)?.max(start);
    Some(start..end)
}

/// As [`range`], for the spans of plans.
pub(crate) fn plan_range(text: &str, span: datafusion::common::Span) -> Option<Range<usize>> {
    let at = |l: datafusion::common::Location| Location { line: l.line, column: l.column };
    range(text, Span { start: at(span.start), end: at(span.end) })
}

/// The byte of a line and column, both counted from 1, columns in characters.
pub(crate) fn offset(text: &str, location: Location) -> Option<usize> {
    let line = usize::try_from(location.line.checked_sub(1)?).ok()?;
    let column = usize::try_from(location.column.checked_sub(1)?).ok()?;
    let start = if line == 0 { 0 } else { text.match_indices('\n').nth(line - 1)?.0 + 1 };
    let rest = &text[start..];
    Some(start + rest.char_indices().nth(column).map_or(rest.len(), |(i, _)| i))
}
