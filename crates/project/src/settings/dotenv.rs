//! `.env`: `NAME=value` a line, `#` comments, an optional `export`, single or double quotes.

use std::collections::BTreeMap;
use std::path::Path;
use tidemill_core::problem::Severity;
use tidemill_core::{Place, Problem, codes};

/// The variables of `.env` in `dir`, if there is one. Lines that are not assignments are problems; their text is not shown, since it
/// may hold a secret.
pub(crate) fn read(dir: &Path) -> (BTreeMap<String, String>, Vec<Problem>) {
    match std::fs::read(dir.join(".env")) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => parse(&text),
            Err(_) => (BTreeMap::new(), vec![problem("it is not UTF-8".into(), "save it as UTF-8")]),
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => (BTreeMap::new(), Vec::new()),
        Err(e) => (BTreeMap::new(), vec![problem(format!("it cannot be read: {}", crate::load::io_reason(&e)), "make it readable")]),
    }
}

pub(super) fn parse(text: &str) -> (BTreeMap<String, String>, Vec<Problem>) {
    let (mut variables, mut problems) = (BTreeMap::new(), Vec::new());
    for (i, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let assignment = line.strip_prefix("export ").unwrap_or(line).split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        match assignment {
            Some((name, value)) if is_name(name) => match unquote(value) {
                Some(value) => {
                    variables.insert(name.to_string(), value);
                }
                None => problems.push(problem(format!("the quote on line {} is not closed", i + 1), "close it with the same quote")),
            },
            _ => problems.push(problem(format!("line {} is not an assignment", i + 1), "write `NAME=value`, or begin the line with `#`")),
        }
    }
    (variables, problems)
}

fn problem(message: String, help: &str) -> Problem {
    Problem { severity: Severity::Error, ..Problem::error(codes::DOTENV_SYNTAX, Place::file(".env"), message).help(help) }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn unquote(value: &str) -> Option<String> {
    match value.chars().next() {
        Some('\'') => value[1..].split_once('\'').map(|(inside, _)| inside.to_string()),
        Some('"') => {
            let (mut out, mut chars) = (String::new(), value[1..].chars());
            loop {
                match chars.next()? {
                    '"' => return Some(out),
                    '\\' => match chars.next()? {
                        'n' => out.push('\n'),
                        't' => out.push('\t'),
                        c => out.push(c),
                    },
                    c => out.push(c),
                }
            }
        }
        // A comment needs a space before it, so that values may hold `#`.
        _ => Some(value.split(" #").next().unwrap_or(value).trim_end().to_string()),
    }
}
