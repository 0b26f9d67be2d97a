//! Problems as a compiler shows them: code, place, the line with a caret under what is meant, help; and the same as JSON.

#[cfg(test)]
mod tests;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use tidemill_core::{Problem, Severity};

/// Every problem in turn, then one line that counts them; empty for no problems. `files` holds the texts to quote, by path relative to
/// the project; a file that is not there is only named. The width is fixed, so that the text does not depend on the terminal.
pub fn render(problems: &[Problem], files: &BTreeMap<PathBuf, String>, colour: bool) -> String {
    if problems.is_empty() {
        return String::new();
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() }.term_width(140);
    let mut out = String::new();
    for problem in problems {
        out.push_str(&renderer.render(&[report(problem, files.get(&problem.place.file).map(String::as_str))]));
        out.push_str("\n\n");
    }
    out.push_str(&renderer.render(&[summary(problems)]));
    out.push('\n');
    out
}

/// An array of objects: `code`, `severity`, `file`, `line`, `column`, `end_line`, `end_column` (from 1, in characters; null where the whole
/// file is meant), `message`, `label`, `help`.
pub fn render_json(problems: &[Problem], files: &BTreeMap<PathBuf, String>) -> String {
    format!("{:#}\n", Value::Array(objects(problems, files)))
}

/// The same, one by one.
pub fn objects(problems: &[Problem], files: &BTreeMap<PathBuf, String>) -> Vec<Value> {
    problems
        .iter()
        .map(|p| {
            let text = files.get(&p.place.file);
            let span = p.place.span.clone().zip(text).map(|(span, text)| (position(text, span.start), position(text, span.end)));
            json!({
                "code": p.code,
                "severity": severity(p.severity),
                "file": slashed(&p.place.file),
                "line": span.map(|(start, _)| start.0),
                "column": span.map(|(start, _)| start.1),
                "end_line": span.map(|(_, end)| end.0),
                "end_column": span.map(|(_, end)| end.1),
                "message": p.message,
                "label": p.label,
                "help": p.help,
            })
        })
        .collect()
}

fn report<'a>(problem: &'a Problem, text: Option<&'a str>) -> Group<'a> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(problem.message.as_str()).id(problem.code));
    let path = slashed(&problem.place.file);
    match (text, &problem.place.span) {
        (Some(text), Some(span)) if !text.is_empty() => {
            let annotation = AnnotationKind::Primary.span(within(text, span)).label(problem.label.as_deref());
            group = group.element(Snippet::source(text).path(path).fold(true).annotation(annotation));
        }
        // No place at all: a variable or a flag, which the message names.
        _ if path.is_empty() => {}
        _ => group = group.element(Origin::path(path)),
    }
    match &problem.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}

fn summary<'a>(problems: &[Problem]) -> Group<'a> {
    let errors = problems.iter().filter(|p| p.severity == Severity::Error).count();
    let warnings = problems.len() - errors;
    let files: BTreeSet<&Path> = problems.iter().map(|p| p.place.file.as_path()).filter(|f| !f.as_os_str().is_empty()).collect();
    let counted = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let mut parts = Vec::new();
    if errors > 0 {
        parts.push(counted(errors, "error"));
    }
    if warnings > 0 {
        parts.push(counted(warnings, "warning"));
    }
    let place = if files.is_empty() { String::new() } else { format!(" in {}", counted(files.len(), "file")) };
    let codes: BTreeSet<&str> = problems.iter().map(|p| p.code).collect();
    let more = codes.first().map(|code| format!("; `tidemill explain {code}` tells more")).unwrap_or_default();
    let level = if errors > 0 { Level::ERROR } else { Level::WARNING };
    Group::with_title(level.primary_title(format!("{}{place}{more}", parts.join(" and "))))
}

/// The span inside the text and on character boundaries; a whole-file span (`0..0` of a default) points at the first line.
fn within(text: &str, span: &Range<usize>) -> Range<usize> {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (start, mut end) = (floor(span.start), floor(span.end.max(span.start)));
    // A caret under many lines says less than one under the first.
    if let Some(at) = text[start..end].trim_start().find('\n') {
        let lead = text[start..end].len() - text[start..end].trim_start().len();
        end = start + lead + at;
    }
    start..end
}

/// Line and column of a byte, from 1, in characters.
pub fn position(text: &str, at: usize) -> (usize, usize) {
    let at = within(text, &(at..at)).start;
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

fn severity(s: Severity) -> &'static str {
    match s {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn slashed(path: &Path) -> String {
    path.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
