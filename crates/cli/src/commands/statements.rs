//! SQL text into statements: split at semicolons that are not inside quotes or comments.

use tidemill_core::{Error, Result};

/// The statements of a text, without their semicolons and without empty ones. `end` says whether the text ends inside a quote or comment,
/// or has a statement begun and not ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Split {
    pub statements: Vec<String>,
    pub end: End,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum End {
    /// After a semicolon, or nothing but space and comments after it.
    Ended,
    /// A statement without its semicolon; it is the last of `statements`.
    Begun,
    /// Inside `'…'`, `"…"`, `$$…$$` or `/* … */`, which is named.
    Inside(&'static str),
}

pub fn split(text: &str) -> Split {
    let bytes = text.as_bytes();
    let mut statements = Vec::new();
    let mut start = 0;
    let mut has_code = false; // something but space and comments since `start`
    let mut i = 0;
    let mut inside = None;
    while i < bytes.len() {
        let rest = &text[i..];
        let next = match bytes[i] {
            b'\'' => skip(rest, 1, "'").ok_or("a text ('…')"),
            b'"' => skip(rest, 1, "\"").ok_or("a quoted name (\"…\")"),
            b'-' if rest.starts_with("--") => Ok(rest.find('\n').unwrap_or(rest.len())),
            b'/' if rest.starts_with("/*") => comment(rest).ok_or("a comment (/* … */)"),
            b'$' => match dollar_tag(text, i) {
                Some(tag) => skip(rest, tag.len(), tag).ok_or("a text ($$…$$)"),
                None => Ok(1),
            },
            b';' => {
                if has_code {
                    statements.push(text[start..i].trim().to_string());
                }
                start = i + 1;
                has_code = false;
                i += 1;
                continue;
            }
            first => Ok(width(first)),
        };
        has_code |= !bytes[i].is_ascii_whitespace() && !rest.starts_with("--") && !rest.starts_with("/*");
        match next {
            Ok(n) => i += n,
            Err(what) => {
                inside = Some(what);
                break;
            }
        }
    }
    if has_code {
        statements.push(text[start..].trim().to_string());
    }
    let end = match inside {
        Some(what) => End::Inside(what),
        None if has_code => End::Begun,
        None => End::Ended,
    };
    Split { statements, end }
}

/// The statements of a whole text, in which the last semicolon may be missing.
pub fn all(text: &str) -> Result<Vec<String>> {
    let split = split(text.trim_start_matches('\u{feff}'));
    match split.end {
        End::Inside(what) => Err(Error::config(format!("{what} is not ended")).at("SQL")),
        End::Ended | End::Begun if split.statements.is_empty() => {
            Err(Error::config("there is no statement").at("SQL").help("give a SELECT, for example `tidemill query \"SELECT 1\"`"))
        }
        End::Ended | End::Begun => Ok(split.statements),
    }
}

/// Bytes up to and with `close`, looked for after the first `open` bytes; a doubled quote ends and begins again, which comes to the same.
fn skip(text: &str, open: usize, close: &str) -> Option<usize> {
    text[open..].find(close).map(|n| open + n + close.len())
}

/// Comments nest in PostgreSQL.
fn comment(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut i = 0;
    while i < text.len() {
        let rest = &text.as_bytes()[i..];
        if rest.starts_with(b"/*") {
            depth += 1;
            i += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return Some(i);
            }
        } else {
            i += 1;
        }
    }
    None
}

/// `$$` or `$tag$` at `i`, unless it is the middle of a name or a parameter (`$1`).
fn dollar_tag(text: &str, i: usize) -> Option<&str> {
    let before = text[..i].chars().next_back();
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let rest = &text[i + 1..];
    let end = rest.find('$')?;
    let tag = &rest[..end];
    let named = tag.chars().all(|c| c.is_alphanumeric() || c == '_') && !tag.starts_with(|c: char| c.is_ascii_digit());
    named.then(|| &text[i..=i + 1 + end])
}

fn width(first: u8) -> usize {
    match first {
        0..0x80 => 1,
        0x80..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<String> {
        split(text).statements
    }

    #[test]
    fn semicolons_end_statements_but_not_in_quotes_or_comments() {
        assert_eq!(parts("SELECT 1; SELECT 2"), ["SELECT 1", "SELECT 2"]);
        assert_eq!(parts("SELECT ';' ; SELECT \"a;b\";"), ["SELECT ';'", "SELECT \"a;b\""]);
        assert_eq!(parts("SELECT 'it''s;' -- one; two\n; SELECT 2"), ["SELECT 'it''s;' -- one; two", "SELECT 2"]);
        assert_eq!(parts("/* a; /* b; */ c; */ SELECT 1;"), ["/* a; /* b; */ c; */ SELECT 1"]);
        assert_eq!(parts("SELECT $$a;b$$; SELECT $t$ ; $$ ; $t$; SELECT $1"), ["SELECT $$a;b$$", "SELECT $t$ ; $$ ; $t$", "SELECT $1"]);
        assert_eq!(parts("SELECT 'ü;日本' ; SELECT 'x'"), ["SELECT 'ü;日本'", "SELECT 'x'"]);
        assert_eq!(parts(" ; ;; -- nothing\n /* ; */ "), Vec::<String>::new());
        assert_eq!(parts("SELECT 5 - 3 / 2;"), ["SELECT 5 - 3 / 2"]);
    }

    #[test]
    fn the_end_of_a_text_is_known() {
        assert_eq!(split("SELECT 1;").end, End::Ended);
        assert_eq!(split("SELECT 1; -- done").end, End::Ended);
        assert_eq!(split("SELECT 1").end, End::Begun);
        assert!(matches!(split("SELECT 'a;").end, End::Inside(_)));
        assert!(matches!(split("SELECT /* a;").end, End::Inside(_)));
        assert!(all("SELECT 'a").is_err());
        assert!(all("  ").is_err());
        assert_eq!(all("SELECT 1").unwrap(), ["SELECT 1"]);
    }
}
