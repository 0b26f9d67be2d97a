//! `FOR SYSTEM_TIME AS OF` moment, which PostgreSQL's parser doesn't know, taken out of a text: what is read is the same without it. The engine looks
//! at what it says.

use super::byte_range;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use std::borrow::Cow;

/// What may stand after the moment.
const AFTER: [Keyword; 18] = [
    Keyword::AS,
    Keyword::ON,
    Keyword::USING,
    Keyword::JOIN,
    Keyword::INNER,
    Keyword::LEFT,
    Keyword::RIGHT,
    Keyword::FULL,
    Keyword::CROSS,
    Keyword::WHERE,
    Keyword::GROUP,
    Keyword::HAVING,
    Keyword::WINDOW,
    Keyword::ORDER,
    Keyword::LIMIT,
    Keyword::UNION,
    Keyword::EXCEPT,
    Keyword::INTERSECT,
];

/// The text with blanks in their place, so that all the rest stands where it stood.
pub(super) fn without(text: &str) -> Cow<'_, str> {
    let mut tokens = Vec::new();
    // On an error the tokens before it are kept; the parser tells of it.
    let _ = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location_into_buf(&mut tokens);
    tokens.retain(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF));
    let phrase = [Keyword::FOR, Keyword::SYSTEM_TIME, Keyword::AS, Keyword::OF];
    let begins = |at: usize| tokens.get(at..at + 4).is_some_and(|w| w.iter().zip(phrase).all(|(t, k)| keyword(t) == Some(k)));
    let mut without = Cow::Borrowed(text);
    for at in (0..tokens.len()).filter(|at| begins(*at)) {
        let mut depth = 0;
        let last = tokens[at + 4..].iter().take_while(|t| {
            match t.token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            let ends = matches!(t.token, Token::Comma | Token::SemiColon) || keyword(t).is_some_and(|k| AFTER.contains(&k));
            depth >= 0 && (depth > 0 || !ends)
        });
        let last = at + 3 + last.count();
        let range = byte_range(text, tokens[at].span).start..byte_range(text, tokens[last].span).end;
        let blanks: String = text[range.clone()].chars().map(|c| if c == '\n' { "\n".into() } else { " ".repeat(c.len_utf8()) }).collect();
        without.to_mut().replace_range(range, &blanks);
    }
    without
}

fn keyword(token: &TokenWithSpan) -> Option<Keyword> {
    match &token.token {
        Token::Word(w) if w.quote_style.is_none() => Some(w.keyword),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn a_moment_goes_and_all_else_stays_where_it_was() {
        for (text, wanted) in [
            ("SELECT 1", "SELECT 1"),
            ("a JOIN p FOR SYSTEM_TIME AS OF a.ts ON a.id = p.id", "a JOIN p                            ON a.id = p.id"),
            ("a JOIN p for system_time as of greatest(a.ts, b) AS q ON x", "a JOIN p                                         AS q ON x"),
            ("(SELECT 1 FROM p FOR SYSTEM_TIME AS OF now()) x", "(SELECT 1 FROM p                            ) x"),
            ("p FOR SYSTEM_TIME AS OF\n t, q", "p                      \n  , q"),
            ("p FOR SYSTEM_TIME AS OF", "p                      "),
            ("SELECT 'FOR SYSTEM_TIME AS OF x'", "SELECT 'FOR SYSTEM_TIME AS OF x'"),
        ] {
            assert_eq!(without(text), wanted);
        }
    }
}
