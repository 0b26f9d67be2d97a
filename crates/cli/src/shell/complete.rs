//! Completion: what may come where the cursor stands. Not a parser: it looks at the word, at the word before, and at which tables the
//! statement names.

use super::words::{Relation, Vocabulary, Word, WordKind};
use parking_lot::Mutex;
use reedline::{Completer, Span, Suggestion};
use std::collections::BTreeSet;
use std::sync::Arc;

pub struct SqlCompleter(pub Arc<Mutex<Vocabulary>>);

impl Completer for SqlCompleter {
    fn complete(&mut self, line: &str, pos: usize) -> Vec<Suggestion> {
        let (start, words) = suggest(&self.0.lock(), line, pos);
        words
            .into_iter()
            .map(|w| Suggestion {
                append_whitespace: w.kind != WordKind::Function && !w.text.ends_with('.'),
                value: w.text,
                description: (!w.note.is_empty()).then_some(w.note),
                span: Span::new(start, pos),
                ..Suggestion::default()
            })
            .collect()
    }
}

/// Where the completed word begins, and what it may become, best first.
pub fn suggest(vocabulary: &Vocabulary, line: &str, pos: usize) -> (usize, Vec<Word>) {
    let before = &line[..pos];
    // The last statement only: what was asked before does not matter.
    let begin = before.rfind(';').map_or(0, |i| i + 1);
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let start = before.char_indices().rev().take_while(|(_, c)| is_part(*c)).last().map_or(pos, |(i, _)| i);
    let word = &before[start..];

    if before[begin..start].trim_end() == "\\d" {
        return (start, matching(relations(vocabulary, word), word));
    }
    if inside_text(&before[begin..]) {
        return (start, Vec::new());
    }
    // The whole statement counts for tables: in `SELECT inc| FROM customers` they come after the cursor.
    let end = line[pos..].find(';').map_or(line.len(), |i| pos + i);
    let named = named_relations(vocabulary, &line[begin..end]);

    if let Some((left, _)) = word.rsplit_once('.') {
        // `alias.` or `table.` gives columns, `schema.` tables.
        let columns = named.iter().filter(|(alias, _)| alias.eq_ignore_ascii_case(left)).flat_map(|(alias, relation)| {
            relation.2.iter().map(move |c| Word::new(format!("{alias}.{c}"), WordKind::Column, relation.1.clone()))
        });
        let tables = relations(vocabulary, word);
        return (start, matching(columns.chain(tables).collect(), word));
    }
    let previous = before[begin..start].split(|c: char| c.is_whitespace() || c == '(').rfind(|w| !w.is_empty()).unwrap_or_default();
    if ["from", "join", "describe", "into", "table"].iter().any(|k| previous.eq_ignore_ascii_case(k))
        || continues_from(&before[begin..start])
    {
        return (start, matching(relations(vocabulary, word), word));
    }
    if word.is_empty() {
        // Everything would be too much: columns of the tables named, or nothing.
        return (start, matching(columns_of(&named), word));
    }
    let mut words = columns_of(&named);
    words.extend(vocabulary.words.iter().cloned());
    words.extend(relations(vocabulary, word));
    (start, matching(words, word))
}

fn relations(vocabulary: &Vocabulary, word: &str) -> Vec<Word> {
    let mut out = Vec::new();
    for (schema, name, columns) in &vocabulary.relations {
        let note = format!("{} columns", columns.len());
        if schema == "public" || schema == "clean" {
            out.push(Word::new(name.clone(), WordKind::Relation, note.clone()));
        }
        if word.contains('.') {
            out.push(Word::new(format!("{schema}.{name}"), WordKind::Relation, note));
        } else {
            out.push(Word::new(format!("{schema}."), WordKind::Relation, "schema"));
        }
    }
    out
}

fn columns_of(named: &[(String, &Relation)]) -> Vec<Word> {
    named.iter().flat_map(|(_, relation)| relation.2.iter().map(|c| Word::new(c.clone(), WordKind::Column, relation.1.clone()))).collect()
}

/// Tables that the statement names, under each name they may be called by: their own and their alias.
fn named_relations<'a>(vocabulary: &'a Vocabulary, statement: &str) -> Vec<(String, &'a Relation)> {
    let words: Vec<&str> = statement.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).filter(|w| !w.is_empty()).collect();
    let mut out = Vec::new();
    let mut seen = BTreeSet::new();
    for (i, word) in words.iter().enumerate() {
        let Some(relation) = vocabulary.relation(word) else { continue };
        let mut call = |name: &str| {
            if seen.insert(name.to_lowercase()) {
                out.push((name.to_string(), relation));
            }
        };
        call(&relation.1);
        let mut next = words[i + 1..].iter();
        let alias = match next.next() {
            Some(w) if w.eq_ignore_ascii_case("as") => next.next(),
            other => other,
        };
        if let Some(alias) = alias.filter(|a| !super::words::is_keyword(a)) {
            call(alias);
        }
    }
    out
}

/// In `FROM a, |` another table comes.
fn continues_from(before: &str) -> bool {
    let Some(list) = before.trim_end().strip_suffix(',') else { return false };
    let lower = list.to_ascii_lowercase();
    let last = |word: &str| {
        lower
            .match_indices(word)
            .map(|(i, _)| i)
            .filter(|i| {
                let bounded = |c: Option<char>| c.is_none_or(|c| !(c.is_alphanumeric() || c == '_'));
                bounded(lower[..*i].chars().next_back()) && bounded(lower[i + word.len()..].chars().next())
            })
            .last()
    };
    let from = last("from");
    from.is_some() && ["select", "where", "by", "having", "on", "values"].iter().all(|word| last(word) < from)
}

fn inside_text(text: &str) -> bool {
    text.matches('\'').count() % 2 == 1
}

/// Those that begin with `word`, then those that have a part that does (`mean` finds `spend_mean`).
fn matching(words: Vec<Word>, word: &str) -> Vec<Word> {
    let lower = word.to_lowercase();
    let rank = |w: &Word| {
        let text = w.text.to_lowercase();
        if text.starts_with(&lower) {
            Some(0)
        } else if lower.len() >= 2 && w.kind != WordKind::Keyword && text.contains(&format!("_{lower}")) {
            Some(1)
        } else {
            None
        }
    };
    // A keyword typed in lower case stays so.
    let lower_case = word.chars().all(|c| !c.is_uppercase());
    let mut ranked: Vec<(i32, WordKind, Word)> = words.into_iter().filter_map(|w| Some((rank(&w)?, w.kind, w))).collect();
    ranked.sort_by(|a, b| (a.0, a.1, &a.2.text).cmp(&(b.0, b.1, &b.2.text)));
    ranked.dedup_by(|a, b| a.2.text == b.2.text);
    ranked
        .into_iter()
        .map(|(_, kind, mut w)| {
            if kind == WordKind::Keyword && lower_case {
                w.text = w.text.to_lowercase();
            }
            w
        })
        .collect()
}
