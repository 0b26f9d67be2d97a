//! Lines that are no records any more. Each is sure to be told as broken: another number of fields, a quote that nothing closes, no JSON.

use crate::options::Format;
use crate::random::Draws;

/// Damages the line that begins at `from`, without its line break.
pub fn damage_line(format: Format, line: &mut Vec<u8>, from: usize, draw: u64) {
    let mut d = Draws::from_key(draw);
    let body = line.split_off(from);
    let damaged = if format == Format::Jsonl { json(&body, &mut d) } else { csv(&body, &mut d) };
    line.extend_from_slice(&damaged);
}

fn csv(line: &[u8], d: &mut Draws) -> Vec<u8> {
    let borders = borders(line);
    let is_quote = |i: usize| line.get(i) == Some(&b'"');
    // Beside a quoted field, a comma more or less may leave as many fields as before.
    let plain: Vec<usize> = borders.iter().copied().filter(|i| !is_quote(i + 1) && (*i == 0 || !is_quote(i - 1))).collect();
    // A quote before a quoted field would be closed by that one's first.
    let closed = line.iter().rposition(|b| *b == b'"').unwrap_or_default();
    // And before an empty field it would itself close one that an earlier line left open.
    let is_before_text = |i: usize| line.get(i + 1).is_some_and(|c| *c != b',');
    let unclosed: Vec<usize> = plain.iter().copied().filter(|i| *i >= closed && is_before_text(*i)).collect();
    let last = borders.last().copied().unwrap_or(line.len());
    let mut out = line.to_vec();
    match d.below(4) {
        0 if !plain.is_empty() => out.insert(*d.pick(&plain), b','),
        1 if !plain.is_empty() => {
            out.remove(*d.pick(&plain));
        }
        2 if !unclosed.is_empty() => out.insert(*d.pick(&unclosed) + 1, b'"'),
        _ => {
            out.truncate(1 + d.below(last.max(1) as u64) as usize);
            // A quote at the end would close what an earlier line left open.
            if out.ends_with(b",\"") {
                out.pop();
            }
        }
    }
    // A cut keeps letters whole.
    while std::str::from_utf8(&out).is_err() {
        out.pop();
    }
    out
}

/// Commas outside quotes.
fn borders(line: &[u8]) -> Vec<usize> {
    let mut quoted = false;
    let mut borders = Vec::new();
    for (i, b) in line.iter().enumerate() {
        match b {
            b'"' => quoted = !quoted,
            b',' if !quoted => borders.push(i),
            _ => {}
        }
    }
    borders
}

fn json(line: &[u8], d: &mut Draws) -> Vec<u8> {
    let borders = borders(line);
    let mut out = line.to_vec();
    match d.below(4) {
        0 if !borders.is_empty() => out.insert(*d.pick(&borders), b','),
        1 if !borders.is_empty() => out[*d.pick(&borders)] = b' ',
        // A key without its first quote.
        2 => {
            out.remove(1);
        }
        _ => {
            let cut = 1 + d.below(line.len() as u64 - 2) as usize;
            out.truncate(cut);
            while std::str::from_utf8(&out).is_err() {
                out.pop();
            }
        }
    }
    out
}
