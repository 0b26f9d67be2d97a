//! What the parser stumbles over, told as what its author most likely meant.

use crate::advice::sentence;
use crate::problem::{SqlProblem, SqlProblemKind};
use crate::sql;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Location, Token};
use tidemill_core::problem::did_you_mean;

/// One mistake: the parser stops at the first.
pub(crate) fn problem(error: &ParserError, text: &str) -> SqlProblem {
    let message = match error {
        ParserError::TokenizerError(m) | ParserError::ParserError(m) => m.as_str(),
        ParserError::RecursionLimitExceeded => {
            return SqlProblem::new(SqlProblemKind::Syntax, "this is nested too deeply").help("name the inner parts in a WITH");
        }
    };
    let (message, at) = split_location(message);
    let at = at.and_then(|l| sql::offset(text, l));
    if let Some(problem) = unclosed(message, at, text) {
        return problem;
    }
    let tokens = sql::tokens(text);
    let told = |message: String| SqlProblem::new(SqlProblemKind::Syntax, message);
    let expected = message.strip_prefix("Expected: ").or_else(|| message.strip_prefix("Expected "));
    let (expected, found) = match expected.and_then(|m| m.rsplit_once(", found: ")) {
        Some((expected, found)) => (Some(expected.trim()), found.trim()),
        None => (None, ""),
    };
    let mut index = at.and_then(|at| tokens.iter().position(|t| t.span.start >= at || t.span.contains(&at)));
    // Some messages name a token and give the place of the next one.
    if let Some(i) = index
        && text[tokens[i].span.clone()] != *found
        && i.checked_sub(1).is_some_and(|before| text[tokens[before].span.clone()] == *found)
    {
        index = Some(i - 1);
    }
    // A clause's word misspelt is read as a name, and the parser stumbles over what follows it.
    let stumbled = index.unwrap_or(tokens.len());
    for candidate in [Some(stumbled), stumbled.checked_sub(1)].into_iter().flatten().filter_map(|i| tokens.get(i)) {
        if let Some(keyword) = misspelt(&candidate.token) {
            let problem = told(format!("`{}` is not SQL here", &text[candidate.span.clone()]));
            return problem.at(Some(candidate.span.clone())).help(format!("did you mean `{keyword}`?"));
        }
    }
    let named = index.and_then(|i| Some((tokens.get(i.checked_sub(2)?)?, tokens.get(i - 1)?)));
    if let Some((before, _)) = named.filter(|(a, b)| a.is_keyword(Keyword::AS) && b.is_keyword(Keyword::FROM)) {
        return told("a name is missing after AS".into()).at(Some(before.span.clone())).help("give one, or leave AS out");
    }
    let span = match (index, at) {
        (Some(i), _) => Some(tokens[i].span.clone()),
        (None, _) if found == "EOF" => tokens.last().map(|t| t.span.end..t.span.end),
        (None, Some(at)) => Some(at..(at + 1..=text.len()).find(|i| text.is_char_boundary(*i)).unwrap_or(text.len())),
        (None, None) => None,
    };
    let found = span.clone().filter(|r| !r.is_empty()).map(|r| text[r].to_string());
    let problem = told(match (expected, &found) {
        (Some("end of statement"), Some(found)) => format!("the statement should end before `{found}`"),
        (Some("end of expression"), Some(found)) => format!("the expression should end before `{found}`"),
        (Some(expected), Some(found)) => format!("{} is expected here, not `{found}`", wanted(expected)),
        (Some(expected), None) => format!("the text ends where {} is expected", wanted(expected)),
        (None, Some(_)) => sentence(message),
        (None, None) => format!("this is not SQL: {}", sentence(message)),
    });
    let before = stumbled.checked_sub(1).and_then(|i| tokens.get(i));
    let help = match (expected, found.as_deref()) {
        (_, Some("=>")) => Some("did you mean `>=`?"),
        (_, Some("==")) => Some("equality is one `=`"),
        (_, Some("`")) => Some("names with other than letters, digits and `_` stand in double quotes"),
        (_, Some("[")) => Some("names with other than letters, digits and `_` stand in double quotes"),
        (_, Some("&&")) => Some("write AND"),
        (_, Some("||")) => Some("write OR, or put text on both sides to join it"),
        (Some("end of statement"), Some(",")) if tokens.iter().any(|t| t.is_keyword(Keyword::LIMIT)) => {
            Some("write `LIMIT count OFFSET skipped`")
        }
        (Some(e), _) if (e.contains("expression") || e.contains("identifier")) && before.is_some_and(|t| t.token == Token::Comma) => {
            Some("there is a comma too many before it")
        }
        (Some(")"), _) => Some("a `(` before it is not closed, or a comma is missing"),
        (Some(_), Some(w)) if w.eq_ignore_ascii_case("when") => Some("a CASE ends with END"),
        (Some("end of statement" | "end of expression"), _) => Some("is a comma or an operator missing before it?"),
        _ => None,
    };
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
    .at(span)
}

/// Text, a quoted name or a comment that begins and never ends.
fn unclosed(message: &str, at: Option<usize>, text: &str) -> Option<SqlProblem> {
    let (what, close, at) = if message.contains("string literal") || message.contains("dollar-quoted") {
        ("a text", "'", at)
    } else if message.contains("close delimiter") {
        ("a quoted name", "\"", at)
    } else if message.contains("multi-line comment") {
        ("a comment", "*/", text.rfind("/*").or(at))
    } else {
        return None;
    };
    let span = at.map(|at| at..text.trim_end().len().max(at));
    Some(
        SqlProblem::new(SqlProblemKind::Syntax, format!("{what} begins here and does not end"))
            .at(span)
            .help(format!("close it with `{close}`")),
    )
}

fn wanted(expected: &str) -> String {
    match expected {
        "identifier" => "a name".into(),
        e if e.contains("after IS") => "NULL, TRUE, FALSE or DISTINCT FROM".into(),
        "an SQL statement" => "a statement (SELECT, WITH, …)".into(),
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
