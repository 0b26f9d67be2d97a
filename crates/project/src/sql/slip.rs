//! Slips that the parser notices late, or in words that do not help: an open bracket, a keyword misspelt.

use super::{byte_range, word_end};
use crate::spec::Span;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer};
use tidemill_core::problem::did_you_mean;

const KEYWORDS: [&str; 18] = [
    "SELECT", "FROM", "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "OFFSET", "JOIN", "LEFT", "INNER", "UNION", "DISTINCT", "BETWEEN",
    "CASE", "WHEN", "WITH", "VALUES",
];

/// Message, place and help for the first bracket without its other half.
pub(super) fn bracket(text: &str) -> Option<(String, Span, String)> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location().ok()?;
    let mut open = Vec::new();
    for token in tokens {
        match token.token {
            Token::LParen => open.push(token.span),
            Token::RParen if open.pop().is_none() => {
                return Some(("this bracket closes nothing".into(), byte_range(text, token.span), "remove it, or open one before".into()));
            }
            _ => {}
        }
    }
    let first = open.first()?;
    Some(("this bracket is never closed".into(), byte_range(text, *first), "add `)` where it ends".into()))
}

/// Help for a word at or right before `at` that is nearly a keyword.
pub(super) fn keyword(text: &str, at: usize) -> Option<String> {
    let before = text[..at].trim_end();
    let word_start =
        before.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |i| i + before[i..].chars().next().map_or(1, char::len_utf8));
    let words = [&before[word_start..], &text[at..word_end(text, at)]];
    words.into_iter().filter(|w| w.len() > 2).find_map(|word| {
        let near = did_you_mean(word, KEYWORDS)?;
        (!near.eq_ignore_ascii_case(word)).then(|| format!("did you mean `{near}` instead of `{word}`?"))
    })
}
