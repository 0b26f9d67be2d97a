//! Slips of the keys: one or two edits, neighbours on the keyboard, swapped letters, other case, blanks.

use crate::random::Draws;
use crate::table::Cell;
use crate::words::Lexicon;

const KEYS: [&str; 3] = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];

/// A misspelling of a word; `None` where there is nothing to misspell.
pub fn cell(right: Cell, lexicon: Lexicon, d: &mut Draws, text: &mut Vec<u8>) -> Option<Cell> {
    let word = match right {
        Cell::Word(word) => word.to_string(),
        Cell::Text { from, to } => String::from_utf8_lossy(&text[from as usize..to as usize]).into_owned(),
        _ => return None,
    };
    let wrong = typo(&word, lexicon, d)?;
    let from = text.len() as u32;
    text.extend_from_slice(wrong.as_bytes());
    Some(Cell::Text { from, to: text.len() as u32 })
}

/// Never the word itself, nor another one of its list.
pub fn typo(word: &str, lexicon: Lexicon, d: &mut Draws) -> Option<String> {
    for _ in 0..8 {
        let wrong = if d.chance(200_000) { variant(word, d) } else { slipped(word, d) };
        if wrong != word && !wrong.trim().is_empty() && !lexicon.contains(&wrong) {
            return Some(wrong);
        }
    }
    let padded = format!("{word} ");
    (!word.is_empty()).then_some(padded)
}

/// The same word in other case or with blanks.
fn variant(word: &str, d: &mut Draws) -> String {
    match d.below(5) {
        0 => word.to_uppercase(),
        1 => word.to_lowercase(),
        2 => format!(" {word}"),
        3 => format!("{word}  "),
        _ => word.chars().enumerate().map(|(i, c)| if i % 2 == 1 { c.to_uppercase().next().unwrap_or(c) } else { c }).collect(),
    }
}

/// One edit; two in one case of four, where the word is long enough to be told by the rest.
fn slipped(word: &str, d: &mut Draws) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let edits = if letters.len() >= 8 && d.chance(250_000) { 2 } else { 1 };
    for _ in 0..edits {
        // Letters only: digits of a model are not misspelt.
        let places: Vec<usize> = (0..letters.len()).filter(|i| letters[*i].is_alphabetic()).collect();
        if places.is_empty() {
            break;
        }
        let at = places[d.below(places.len() as u64) as usize];
        match d.below(5) {
            0 => letters[at] = neighbour(letters[at], d),
            1 if letters.len() > 3 => {
                letters.remove(at);
            }
            2 => letters.insert(at, neighbour(letters[at], d)),
            3 => letters.insert(at, letters[at]),
            _ if at + 1 < letters.len() => letters.swap(at, at + 1),
            _ => letters[at] = neighbour(letters[at], d),
        }
    }
    letters.into_iter().collect()
}

/// A key beside, in the same case.
fn neighbour(c: char, d: &mut Draws) -> char {
    let lower = c.to_ascii_lowercase();
    let row = KEYS.iter().find_map(|row| row.find(lower).map(|i| (row.as_bytes(), i)));
    let near = match row {
        Some((row, 0)) => row[1],
        Some((row, i)) if i + 1 == row.len() || d.chance(500_000) => row[i - 1],
        Some((row, i)) => row[i + 1],
        None => b'a' + d.below(26) as u8,
    } as char;
    if c.is_uppercase() { near.to_ascii_uppercase() } else { near }
}
