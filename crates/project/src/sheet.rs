//! One file being read: its text, and the problems found in it so far.

use crate::document::{self, Entries};
use crate::source::Shared;
use crate::spec::{Span, Sql};
use std::path::{Path, PathBuf};
use tidemill_core::{Place, Problem, Spanned, codes};

/// Where `${NAME}` in option strings is looked up; the process before `.env`.
pub(crate) struct Variables<'a> {
    pub process: &'a std::collections::BTreeMap<String, String>,
    pub dotenv: &'a std::collections::BTreeMap<String, String>,
}

impl Variables<'_> {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.process.get(name).or_else(|| self.dotenv.get(name)).map(String::as_str)
    }
}

pub(crate) struct Sheet<'a> {
    /// Relative to the project.
    pub file: PathBuf,
    /// The project directory, for files that a value names.
    pub dir: &'a Path,
    /// The text that spans count in.
    pub text: &'a str,
    pub variables: &'a Variables<'a>,
    /// What `tidemill.toml` says for other files.
    pub shared: &'a Shared,
    /// What is read now is not used: variables that are not set do not matter.
    pub is_unused: bool,
    pub problems: Vec<Problem>,
    /// Whole lines that are not TOML: what was read from them is a guess, so nothing more is said about them.
    unsure: Vec<Span>,
}

impl<'a> Sheet<'a> {
    pub fn new(file: PathBuf, dir: &'a Path, text: &'a str, variables: &'a Variables<'a>, shared: &'a Shared) -> Self {
        Sheet { file, dir, text, variables, shared, is_unused: false, problems: Vec::new(), unsure: Vec::new() }
    }

    /// Reads the text as TOML, and keeps its syntax errors as problems.
    pub fn parse(&mut self) -> Entries {
        let (entries, errors) = document::parse(self.text);
        for e in errors {
            self.problems.push(syntax_problem(&e, self.place(&e.span), self.text));
            self.unsure.push(whole_line(self.text, e.span.start));
        }
        entries
    }

    pub fn place(&self, span: &Span) -> Place {
        Place::span(self.file.clone(), span.clone())
    }

    pub fn error(&mut self, code: &'static str, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        let problem = Problem::error(code, self.place(span), message).help(help);
        self.push(problem);
    }

    /// Keeps a problem, unless it stands on a line that is not TOML, or says that something is missing where something could not be read.
    pub fn push(&mut self, problem: Problem) {
        let guess = match &problem.place.span {
            _ if problem.code == codes::KEY_MISSING => !self.unsure.is_empty(),
            Some(span) => self.unsure.iter().any(|line| line.start <= span.start && span.start <= line.end),
            None => false,
        };
        if !guess {
            self.problems.push(problem);
        }
    }

    /// The SQL in a TOML string, given the value and the span of its literal.
    pub fn sql(&self, value: Spanned<String>) -> Sql {
        let literal = self.text.get(value.span.clone()).unwrap_or("");
        let quotes = if literal.starts_with("\"\"\"") || literal.starts_with("'''") { 3 } else { 1 };
        let mut start = quotes;
        if quotes == 3 {
            let inner = literal.get(3..).unwrap_or("");
            start += if inner.starts_with("\r\n") { 2 } else { usize::from(inner.starts_with('\n')) };
        }
        let inner = literal.get(start..literal.len().saturating_sub(quotes).max(start)).unwrap_or("");
        let exact = inner == value.value;
        let begin = value.span.start + start.min(literal.len());
        Sql { span: begin..begin + inner.len(), exact, text: value.value }
    }
}

fn syntax_problem(e: &document::SyntaxError, place: Place, text: &str) -> Problem {
    let line = whole_line(text, e.span.start);
    let value = text[line].split_once('=').map_or("", |(_, v)| v.trim());
    let problem = Problem::error(codes::TOML_SYNTAX, place, e.message.clone());
    if e.message.contains("duplicate key") {
        return problem.help("a key may be written once; remove one of the two, or put further values into a list");
    }
    let bare_word = value.starts_with(|c: char| c.is_alphabetic()) && !matches!(value, "true" | "false" | "inf" | "nan");
    let help = if bare_word {
        format!("text stands in quotes: `\"{}\"`", value.split('#').next().unwrap_or(value).trim().trim_matches('"'))
    } else if e.message.contains("unclosed table") {
        "close the section's name: `[name]`, or `[[name]]` in a list of sections".to_string()
    } else if e.message.contains("basic string") || e.message.contains("literal string") {
        "close the text with the quote it began with; a backslash inside double quotes is written `\\\\`".to_string()
    } else if e.message.contains("unclosed array") || e.message.contains("unclosed inline table") {
        "close the bracket".to_string()
    } else {
        "run `tidemill explain TM0004` for the shape of a TOML file".to_string()
    };
    problem.help(help)
}

/// The line that holds a byte offset, without its end.
pub(crate) fn whole_line(text: &str, offset: usize) -> Span {
    let offset = offset.min(text.len());
    let bytes = text.as_bytes();
    let start = bytes[..offset].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    let end = bytes[offset..].iter().position(|b| *b == b'\n').map_or(text.len(), |i| offset + i);
    start..end
}
