//! From DataFusion's and the parser's errors to ours: what is wrong in a user's words, where it stands, what would mend it.

use crate::problem::{SqlProblem, SqlProblemKind};
use crate::sql;
use datafusion::common::{Column, Diagnostic, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Location, Token};
use std::ops::Range;
use tidemill_core::problem::did_you_mean;

/// Every mistake in an error; at least one.
pub(crate) fn problems(error: &DataFusionError, text: &str) -> Vec<SqlProblem> {
    problems_with(error, text, &Vec::new)
}

/// As [`problems`]; `functions` are the names that exist.
pub(crate) fn problems_with(error: &DataFusionError, text: &str, functions: &dyn Fn() -> Vec<String>) -> Vec<SqlProblem> {
    let mut found = Vec::new();
    Translation { text, functions, found: &mut found }.translate(error, None);
    let mut told: Vec<SqlProblem> = Vec::new();
    for problem in found {
        if !told.contains(&problem) {
            told.push(problem);
        }
    }
    told
}

/// `a, b and c`-like lists for help lines: the first dozen, in backticks.
pub(crate) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let mut out = names.iter().take(SHOWN).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        out.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    out
}

struct Translation<'a> {
    text: &'a str,
    functions: &'a dyn Fn() -> Vec<String>,
    found: &'a mut Vec<SqlProblem>,
}

impl Translation<'_> {
    fn translate(&mut self, error: &DataFusionError, diagnostic: Option<&Diagnostic>) {
        match error {
            DataFusionError::Context(_, inner) => self.translate(inner, diagnostic),
            // The innermost diagnostic knows best.
            DataFusionError::Diagnostic(inner, e) => self.translate(e, Some(inner)),
            DataFusionError::Collection(all) if !all.is_empty() => all.iter().for_each(|e| self.translate(e, diagnostic)),
            DataFusionError::Shared(e) => self.translate(e, diagnostic),
            DataFusionError::SQL(e, _) => self.found.push(syntax(e, self.text)),
            DataFusionError::SchemaError(e, _) => {
                let problem = self.schema(e, diagnostic);
                self.found.push(problem);
            }
            DataFusionError::External(e) => {
                let problem = match e.downcast_ref::<SqlProblem>() {
                    Some(problem) => problem.clone(),
                    None => match e.downcast_ref::<DataFusionError>() {
                        Some(inner) => return self.translate(inner, diagnostic),
                        None => SqlProblem::new(SqlProblemKind::Other, e.to_string()),
                    },
                };
                let span = problem.span.clone().or_else(|| self.span(diagnostic)).or_else(|| self.quoted(&problem.message));
                self.found.push(problem.at(span));
            }
            other => {
                let span = self.span(diagnostic);
                let problem = self.message(plain(other), diagnostic, span);
                self.found.push(problem);
            }
        }
    }

    fn span(&self, diagnostic: Option<&Diagnostic>) -> Option<Range<usize>> {
        let diagnostic = diagnostic?;
        let span = diagnostic.span.or_else(|| {
            // Two operands that don't fit: both, and what is between them.
            let spans: Vec<_> = diagnostic.notes.iter().filter_map(|n| n.span).collect();
            (spans.len() > 1).then(|| datafusion::common::Span::union_iter(spans)).flatten()
        })?;
        sql::plan_range(self.text, span)
    }

    /// The first name in backticks of a message, found in the text.
    fn quoted(&self, message: &str) -> Option<Range<usize>> {
        let name = message.split('`').nth(1)?;
        sql::word(self.text, name.rsplit('.').next()?)
    }

    fn column_span(&self, column: &Column, diagnostic: Option<&Diagnostic>) -> Option<Range<usize>> {
        let span = self.span(diagnostic).or_else(|| sql::plan_range(self.text, column.spans().first()?));
        span.or_else(|| sql::word(self.text, column.name()))
    }

    fn schema(&self, error: &SchemaError, diagnostic: Option<&Diagnostic>) -> SqlProblem {
        match error {
            SchemaError::FieldNotFound { field, valid_fields } => {
                unknown_column(field, valid_fields).at(self.column_span(field, diagnostic))
            }
            SchemaError::AmbiguousReference { field } => {
                let name = field.name();
                let problem = SqlProblem::new(SqlProblemKind::Column, format!("column `{name}` could be one of several"));
                let owners: Vec<&str> = diagnostic
                    .iter()
                    .flat_map(|d| &d.notes)
                    .filter_map(|n| n.message.strip_prefix("possible column ")?.rsplit_once('.').map(|(owner, _)| owner))
                    .collect();
                let help = match owners.as_slice() {
                    [] => format!("write the table's name before it: `t.{name}`"),
                    some => format!("write {}", some.iter().map(|o| format!("`{o}.{name}`")).collect::<Vec<_>>().join(" or ")),
                };
                problem.help(help).at(self.column_span(field, diagnostic))
            }
            SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
                let problem = SqlProblem::new(SqlProblemKind::Column, format!("two columns of the result are called `{name}`"));
                problem.help("give one of them another name with AS").at(self.span(diagnostic).or_else(|| sql::word(self.text, name)))
            }
        }
    }

    /// Planning errors that carry nothing but words. What is not recognised is passed on, stripped of its chain.
    fn message(&self, message: String, diagnostic: Option<&Diagnostic>, span: Option<Range<usize>>) -> SqlProblem {
        let message = message.as_str();
        let between = |open: &str, close: &str| {
            let rest = &message[message.find(open)? + open.len()..];
            Some(rest[..rest.find(close)?].to_string())
        };
        let named = |name: &str| sql::word(self.text, name);
        if let Some(name) = between("Invalid function '", "'") {
            return self.unknown_function(&name, span);
        }
        if let Some(call) = between("No function matches the given name and argument types '", "'") {
            let name = call.split('(').next().unwrap_or_default().to_string();
            let given = self.types(call[name.len()..].trim_start_matches('(').trim_end_matches(')'));
            let candidates: Vec<String> = message
                .lines()
                .skip_while(|l| !l.contains("Candidate functions"))
                .skip(1)
                .map(|l| self.types(l.trim()))
                .filter(|l| !l.is_empty() && !l.contains("user_defined"))
                .take(3)
                .collect();
            let wrong_number = arguments(&given);
            let right_numbers: Vec<usize> =
                candidates.iter().filter_map(|c| Some(arguments(&c[c.find('(')? + 1..c.rfind(')')?]))).collect();
            let message = match right_numbers.as_slice() {
                [only] if *only != wrong_number => {
                    format!("`{name}` takes {only} argument{}, not {wrong_number}", if *only == 1 { "" } else { "s" })
                }
                _ => format!("`{name}` does not take ({given})"),
            };
            let problem = SqlProblem::new(SqlProblemKind::Type, message);
            let problem = if candidates.is_empty() { problem } else { problem.help(format!("it takes: {}", candidates.join("; "))) };
            return problem.at(span.or_else(|| named(&name)));
        }
        if let Some(expression) = between("Cannot coerce arithmetic expression ", " to valid types") {
            return self.operands(&expression, span, diagnostic);
        }
        if let Some(types) = between("Cannot infer common argument type for comparison operation ", "\u{0}")
            .or_else(|| message.strip_prefix("Cannot infer common argument type for comparison operation ").map(String::from))
        {
            return self.operands(&types, span, diagnostic);
        }
        if let Some(d) = diagnostic
            .filter(|_| message.contains("must appear in the GROUP BY clause") || message.contains("must be part of an aggregate"))
        {
            let name = between("column \"", "\"").unwrap_or_default();
            let bare = name.rsplit('.').next().unwrap_or_default().to_string();
            let having = d.message.contains("HAVING");
            let place = if having { "in HAVING, " } else { "" };
            let problem = SqlProblem::new(SqlProblemKind::Column, format!("{place}`{bare}` is neither grouped by nor inside an aggregate"));
            return problem
                .help(format!("add `{bare}` to GROUP BY, or say which of its values is meant: `min({bare})`"))
                .at(span.or_else(|| named(&bare)));
        }
        let kind = if message.contains("type") || message.contains("coerce") { SqlProblemKind::Type } else { SqlProblemKind::Other };
        SqlProblem::new(kind, sentence(message)).at(span)
    }

    fn operands(&self, expression: &str, span: Option<Range<usize>>, _: Option<&Diagnostic>) -> SqlProblem {
        let parts: Vec<&str> = expression.splitn(3, ' ').collect();
        let problem = match parts.as_slice() {
            [left, op, right] => {
                let (left, right) = (self.types(left), self.types(right));
                let message = format!("`{op}` does not work on {left} and {right}");
                SqlProblem::new(SqlProblemKind::Type, message).help("convert one side, for example `CAST(x AS double)`")
            }
            _ => SqlProblem::new(SqlProblemKind::Type, format!("these types do not go together: {}", self.types(expression))),
        };
        problem.at(span)
    }

    fn unknown_function(&self, name: &str, span: Option<Range<usize>>) -> SqlProblem {
        let known = (self.functions)();
        let problem = SqlProblem::new(SqlProblemKind::Function, format!("unknown function `{name}`"));
        let span = span.filter(|r| self.text[r.clone()].eq_ignore_ascii_case(name)).or_else(|| sql::word(self.text, name));
        match did_you_mean(name, known.iter().map(String::as_str)) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem,
        }
        .at(span)
    }

    /// Arrow's type names as SQL's.
    fn types(&self, text: &str) -> String {
        let mut out = String::new();
        let mut word = String::new();
        for c in text.chars().chain(['\0']) {
            if c.is_alphanumeric() || c == '_' {
                word.push(c);
                continue;
            }
            out.push_str(match word.as_str() {
                "Utf8" | "Utf8View" | "LargeUtf8" => "text",
                "Int8" => "tinyint",
                "Int16" => "smallint",
                "Int32" => "int",
                "Int64" => "bigint",
                "Float32" => "real",
                "Float64" => "double",
                "Boolean" => "boolean",
                "Date32" | "Date64" => "date",
                "Timestamp" => "timestamp",
                "Interval" => "interval",
                "Decimal128" => "decimal",
                "Null" => "NULL",
                other => other,
            });
            word.clear();
            if c != '\0' {
                out.push(c);
            }
        }
        out
    }
}

/// How many arguments a list like `double, decimal(3,2)` has.
fn arguments(list: &str) -> usize {
    let mut depth = 0i32;
    let commas = list.chars().filter(|c| {
        depth += i32::from(matches!(c, '(' | '<' | '[')) - i32::from(matches!(c, ')' | '>' | ']'));
        *c == ',' && depth == 0
    });
    let commas = commas.count();
    if list.trim().is_empty() { 0 } else { commas + 1 }
}

/// A column that is not there.
pub(crate) fn unknown_column(field: &Column, valid: &[Column]) -> SqlProblem {
    let name = field.name();
    let written = field.relation.as_ref().map_or_else(|| name.to_string(), |r| format!("{r}.{name}"));
    let problem = SqlProblem::new(SqlProblemKind::Column, format!("unknown column `{written}`"));
    let owner = |c: &Column| c.relation.as_ref().map(|r| r.table().to_string());
    let candidates: Vec<&Column> = match &field.relation {
        Some(r) => {
            let of: Vec<&Column> = valid.iter().filter(|c| owner(c).is_some_and(|o| o == r.table())).collect();
            if of.is_empty() {
                let mut owners: Vec<String> = valid.iter().filter_map(owner).collect();
                owners.dedup();
                let near = did_you_mean(r.table(), owners.iter().map(String::as_str)).or(match owners.as_slice() {
                    [only] => Some(only),
                    _ => None,
                });
                let problem = SqlProblem { message: format!("unknown column `{written}`: no table here is called `{r}`"), ..problem };
                return match near {
                    Some(near) => problem.help(format!("did you mean `{near}.{name}`?")),
                    None => problem,
                };
            }
            of
        }
        None => valid.iter().collect(),
    };
    let names: Vec<String> = candidates.iter().map(|c| c.name.clone()).collect();
    if let Some(near) = did_you_mean(name, names.iter().map(String::as_str)) {
        let prefix = field.relation.as_ref().map_or_else(String::new, |r| format!("{r}."));
        return problem.help(format!("did you mean `{prefix}{near}`?"));
    }
    if name.contains(|c: char| c.is_whitespace() || c.is_uppercase()) {
        return problem.help(format!("text is written in single quotes: `'{name}'`; double quotes name a column"));
    }
    match names.as_slice() {
        [] => problem.help("there are no columns here"),
        some => problem.help(format!("there are: {}", listed(some))),
    }
}

/// The text of an error without its prefix.
fn plain(error: &DataFusionError) -> String {
    match error {
        DataFusionError::Plan(m)
        | DataFusionError::NotImplemented(m)
        | DataFusionError::Execution(m)
        | DataFusionError::Configuration(m)
        | DataFusionError::Internal(m)
        | DataFusionError::ResourcesExhausted(m) => m.clone(),
        DataFusionError::ArrowError(e, _) => e.to_string(),
        other => other.to_string(),
    }
}

/// One line, lowercase at the start, without the tail that asks for bug reports or a backtrace.
fn sentence(message: &str) -> String {
    let mut m = message.trim();
    for prefix in ["Error during planning: ", "This feature is not implemented: ", "Execution error: ", "type_coercion\ncaused by\n"] {
        m = m.strip_prefix(prefix).unwrap_or(m);
    }
    let m = m.split("\n\nbacktrace").next().unwrap_or(m).split(".\nThis issue was likely caused").next().unwrap_or(m);
    let m = m.split_whitespace().collect::<Vec<_>>().join(" ");
    let m = m.trim_end_matches('.');
    let mut chars = m.chars();
    match (chars.next(), chars.clone().next()) {
        // `SELECT …` stays as it is.
        (Some(a), Some(b)) if a.is_uppercase() && !b.is_uppercase() => a.to_lowercase().chain(chars).collect(),
        _ => m.to_string(),
    }
}

// ------------------------------------------------------------------------------------------------------------ syntax

fn syntax(error: &ParserError, text: &str) -> SqlProblem {
    let message = match error {
        ParserError::TokenizerError(m) | ParserError::ParserError(m) => m.as_str(),
        ParserError::RecursionLimitExceeded => {
            return SqlProblem::new(SqlProblemKind::Syntax, "this is nested too deeply").help("name the inner parts in a WITH");
        }
    };
    let (message, at) = split_location(message);
    let tokens = sql::tokens(text);
    let at = at.and_then(|l| sql::offset(text, l));
    let index = at.and_then(|at| tokens.iter().position(|t| t.span.start >= at || t.span.contains(&at)));
    let span = match (index, at) {
        (Some(i), _) => Some(tokens[i].span.clone()),
        // Nothing more stands there: the end of what is written.
        (None, _) if message.contains("found: EOF") => tokens.last().map(|t| t.span.end..t.span.end),
        (None, Some(at)) => Some(at..text.len().min(at + 1)),
        (None, None) => None,
    };
    if message.starts_with("Unterminated") {
        let what = message.trim_start_matches("Unterminated ").trim();
        let (what, quote) = match what {
            "string literal" => ("text", "'"),
            "multi-line comment" => ("comment", "*/"),
            _ => ("name", "\""),
        };
        return SqlProblem::new(SqlProblemKind::Syntax, format!("a {what} begins here and does not end"))
            .at(at.map(|a| a..text.len()))
            .help(format!("close it with `{quote}`"));
    }
    // A clause's word misspelt is read as a name, and the parser stumbles over what follows it.
    if let Some(i) = index.or((!tokens.is_empty()).then_some(tokens.len())) {
        for candidate in [Some(i), i.checked_sub(1)].into_iter().flatten().filter_map(|i| tokens.get(i)) {
            if let Some(keyword) = misspelt(&candidate.token) {
                return SqlProblem::new(SqlProblemKind::Syntax, format!("`{}` is not SQL here", &text[candidate.span.clone()]))
                    .at(Some(candidate.span.clone()))
                    .help(format!("did you mean `{keyword}`?"));
            }
        }
    }
    let mut problem = SqlProblem::new(SqlProblemKind::Syntax, "this is not SQL").at(span.clone());
    let expected = message.strip_prefix("Expected: ").and_then(|m| m.rsplit_once(", found: ")).map(|(e, _)| e.trim());
    let found = span.clone().filter(|r| !r.is_empty()).map(|r| format!("`{}`", &text[r]));
    problem.message = match (expected, &found) {
        (Some(expected), Some(found)) => format!("{} is expected here, not {found}", article(expected)),
        (Some(expected), None) => format!("the text ends where {} is expected", article(expected)),
        (None, _) => sentence(message),
    };
    let before =
        index.and_then(|i| i.checked_sub(1)).or(tokens.len().checked_sub(1).filter(|_| index.is_none())).and_then(|i| tokens.get(i));
    if before.is_some_and(|t| t.token == Token::Comma) && expected.is_some_and(|e| e.contains("expression") || e.contains("identifier")) {
        problem = problem.help("there is a comma too many before it");
    } else if expected == Some(")") {
        problem = problem.help("a `(` before it is not closed, or a comma is missing");
    } else if expected.is_some_and(|e| e.starts_with("end of")) {
        problem = problem.help("is a comma or an operator missing before it?");
    }
    problem
}

fn article(expected: &str) -> String {
    match expected {
        "an SQL statement" => "a statement (SELECT, WITH, …)".into(),
        "end of statement" | "end of expression" => format!("the {expected}"),
        e if e.starts_with("an ") || e.starts_with("a ") || e.starts_with("one of") => e.to_string(),
        e if e.chars().all(|c| !c.is_lowercase()) => format!("`{e}`"),
        e => e.to_string(),
    }
}

/// `… at Line: 1, Column: 8` taken apart.
fn split_location(message: &str) -> (&str, Option<Location>) {
    let Some(at) = message.rfind(" at Line: ") else { return (message, None) };
    let mut numbers = message[at..].split(|c: char| !c.is_ascii_digit()).filter(|s| !s.is_empty()).map(str::parse::<u64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(line)), Some(Ok(column))) => (&message[..at], Some(Location { line, column })),
        _ => (message, None),
    }
}

const CLAUSES: [&str; 22] = [
    "SELECT", "FROM", "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "OFFSET", "JOIN", "INNER", "LEFT", "RIGHT", "UNION", "DISTINCT",
    "BETWEEN", "WHEN", "THEN", "ELSE", "WITH", "VALUES", "EXPLAIN", "DESCRIBE",
];

/// The keyword that a word one slip away from it was meant to be.
fn misspelt(token: &Token) -> Option<&'static str> {
    let Token::Word(w) = token else { return None };
    let word = w.value.to_uppercase();
    if w.quote_style.is_some() || word.len() < 4 || CLAUSES.contains(&word.as_str()) {
        return None;
    }
    let near = did_you_mean(&word, CLAUSES)?;
    // One letter more or less, or as many: `SELCT`, `FORM`, `WEHRE`; longer words get no more leeway than that.
    (near.len().abs_diff(word.len()) <= 1).then_some(near)
}
