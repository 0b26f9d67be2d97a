//! A mistake in a project, told as a compiler would: code, place, message, help. Parsing never fails: it returns what it could
//! read and every problem it met.

use crate::place::Place;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `TM0123`; every code stands in [`crate::code::CODES`].
    pub code: &'static str,
    pub severity: Severity,
    pub place: Place,
    /// Lowercase, no full stop: "unknown key `colums`".
    pub message: String,
    /// What stands at the caret, when that says more than the message.
    pub label: Option<String>,
    /// What to do: "did you mean `columns`?"
    pub help: Option<String>,
}

impl Problem {
    pub fn error(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Problem { code, severity: Severity::Error, place, message: message.into(), label: None, help: None }
    }
    pub fn warning(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Problem { severity: Severity::Warning, ..Problem::error(code, place, message) }
    }
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }
}

/// The candidate nearest to `word`, if it is near enough to be what was meant.
///
/// Distance is Damerau-Levenshtein (restricted: a swap of neighbours counts one) over lower-cased characters; near enough is a third of the
/// longer word, at least one.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let w: Vec<char> = word.to_lowercase().chars().collect();
    candidates
        .into_iter()
        .filter_map(|c| {
            let v: Vec<char> = c.to_lowercase().chars().collect();
            let d = edit_distance(&w, &v);
            (d <= (w.len().max(v.len()) / 3).max(1)).then_some((d, c))
        })
        .min()
        .map(|(_, c)| c)
}

fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_offered_and_a_far_one_is_not() {
        assert_eq!(did_you_mean("colums", ["columns", "clean"]), Some("columns"));
        assert_eq!(did_you_mean("incmoe", ["income", "id"]), Some("income"));
        assert_eq!(did_you_mean("zzz", ["columns", "clean"]), None);
    }
}
