//! Colour for SQL as it is typed: keywords, texts, numbers, comments, commands.

use super::words::is_keyword;
use nu_ansi_term::{Color, Style};
use reedline::{Highlighter, StyledText};

pub struct SqlHighlighter;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Plain,
    Keyword,
    Text,
    Number,
    Comment,
    Command,
}

impl Highlighter for SqlHighlighter {
    fn highlight(&self, line: &str, _cursor: usize) -> StyledText {
        let mut styled = StyledText::new();
        for (kind, piece) in pieces(line) {
            let style = match kind {
                Kind::Plain => Style::new(),
                Kind::Keyword => Style::new().fg(Color::Cyan),
                Kind::Text => Style::new().fg(Color::Green),
                Kind::Number => Style::new().fg(Color::Magenta),
                Kind::Comment => Style::new().dimmed(),
                Kind::Command => Style::new().fg(Color::Yellow),
            };
            styled.push((style, piece.to_string()));
        }
        styled
    }
}

/// The line in pieces, which put together are the line.
pub fn pieces(line: &str) -> Vec<(Kind, &str)> {
    if line.trim_start().starts_with('\\') {
        return vec![(Kind::Command, line)];
    }
    let mut out: Vec<(Kind, &str)> = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let (kind, len) = if rest.starts_with("--") {
            (Kind::Comment, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (Kind::Comment, rest.find("*/").map_or(rest.len(), |n| n + 2))
        } else if first == '\'' {
            (Kind::Text, rest[1..].find('\'').map_or(rest.len(), |n| n + 2))
        } else if first == '"' {
            (Kind::Plain, rest[1..].find('"').map_or(rest.len(), |n| n + 2))
        } else if first.is_ascii_digit() {
            (Kind::Number, rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(rest.len()))
        } else if word(first) {
            let len = rest.find(|c| !word(c)).unwrap_or(rest.len());
            (if is_keyword(&rest[..len]) { Kind::Keyword } else { Kind::Plain }, len)
        } else {
            (Kind::Plain, first.len_utf8())
        };
        out.push((kind, &rest[..len]));
        rest = &rest[len..];
    }
    out
}
