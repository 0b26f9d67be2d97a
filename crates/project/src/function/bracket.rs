//! `RETURN SELECT …` and `BEGIN ATOMIC SELECT …; END`, as the standard and PostgreSQL write the body of a function that gives rows, in the
//! form that the parser knows: `RETURN(SELECT …)`. Nothing moves: every byte that means something stays where it is.

use crate::spec::Span;
use crate::sql::byte_range;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, Tokenizer};

pub(super) fn bracketed(text: &str) -> String {
    let Ok(all) = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location() else { return text.to_string() };
    let tokens: Vec<(Token, Span)> = all
        .into_iter()
        .filter(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF))
        .map(|t| {
            let span = byte_range(text, t.span);
            (t.token, span)
        })
        .collect();
    let word = |i: usize, k: Keyword| matches!(tokens.get(i), Some((Token::Word(w), _)) if w.keyword == k && w.quote_style.is_none());
    let is_atomic = |i: usize| tokens.get(i).is_some_and(|(_, s)| text[s.clone()].eq_ignore_ascii_case("atomic"));
    let begins = |i: usize| word(i, Keyword::SELECT) || word(i, Keyword::WITH);
    let last = |upto: usize| tokens[..upto].iter().rposition(|(t, _)| *t != Token::SemiColon);
    for i in 0..tokens.len() {
        let after = tokens[i].1.end;
        if word(i, Keyword::RETURN) && begins(i + 1) && text[after..].starts_with(char::is_whitespace) {
            let Some(end) = last(tokens.len()) else { break };
            return enclosed(text, after..after + 1, tokens[end].1.end, tokens.get(end + 1).map(|t| t.1.clone()));
        }
        if word(i, Keyword::BEGIN) && is_atomic(i + 1) && begins(i + 2) {
            let Some(end) = last(tokens.len()).filter(|e| word(*e, Keyword::END)) else { break };
            let Some(body) = last(end) else { break };
            let mut out =
                enclosed(text, tokens[i].1.start..tokens[i + 1].1.end, tokens[body].1.end, tokens.get(body + 1).map(|t| t.1.clone()));
            // The bracket stands in the place of the semicolon, or of END when there is none.
            let rest = tokens[end].1.clone();
            if out.get(rest.clone()).is_some_and(|w| w.eq_ignore_ascii_case("end")) {
                out.replace_range(rest, "   ");
            }
            return out;
        }
    }
    text.to_string()
}

/// `open` becomes a bracket (after RETURN, where it is longer), and the bracket closes at `end`, in the place of what follows if that is a
/// token.
fn enclosed(text: &str, open: Span, end: usize, next: Option<Span>) -> String {
    let opening = match open.len() {
        1 => "(".to_string(),
        n => format!("{:<n$}", "RETURN("),
    };
    let mut out = text.to_string();
    out.replace_range(open, &opening);
    match next {
        Some(next) => out.replace_range(next.clone(), &format!("{:<1$}", ")", next.len())),
        None => out.insert(end, ')'),
    }
    out
}

#[cfg(test)]
mod tests {
    use super::bracketed;

    #[test]
    fn nothing_moves() {
        for (text, wanted) in [
            ("CREATE … RETURN SELECT 1", "CREATE … RETURN(SELECT 1)"),
            ("RETURN\nSELECT 'a;b' -- end", "RETURN(SELECT 'a;b') -- end"),
            ("RETURN  WITH x AS (SELECT 1) SELECT * FROM x;\n", "RETURN( WITH x AS (SELECT 1) SELECT * FROM x)\n"),
            ("BEGIN ATOMIC SELECT 1; END;", "RETURN(      SELECT 1)    ;"),
            ("begin atomic\n SELECT 1; END", "RETURN(     \n SELECT 1)    "),
            ("RETURN (SELECT 1)", "RETURN (SELECT 1)"),
            ("RETURN x + 1", "RETURN x + 1"),
            ("AS $$ RETURN SELECT $$", "AS $$ RETURN SELECT $$"),
        ] {
            assert_eq!(bracketed(text), wanted, "{text}");
        }
    }
}
