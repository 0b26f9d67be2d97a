//! Missing, impossible and differently written values.

use crate::calendar::{MONTHS, civil_from_days, day_of, write_clock, write_date};
use crate::digits::{hundredths, two, unsigned, whole};
use crate::random::Draws;
use crate::table::{Cell, Invalid, Kind};

/// What people and programs write where they have nothing to say.
pub const TOKENS: [&str; 7] = ["N/A", "NULL", "-", "unknown", "?", "nan", "n/a"];
/// Days that no calendar has.
pub const BAD_DAYS: [&str; 6] = ["0000-00-00", "2023-02-30", "2024-13-01", "31/02/2024", "not a date", "2024-00-17"];

/// Empty in seven cases of ten, else a token.
pub fn missing(texts: bool, d: &mut Draws, text: &mut Vec<u8>) -> Cell {
    if !texts || d.below(10) < 7 {
        return Cell::Null;
    }
    let token = *d.pick(&TOKENS);
    written(text, |out| out.extend_from_slice(token.as_bytes()))
}

pub fn invalid(how: Invalid, right: Cell, texts: bool, kind: Kind, d: &mut Draws, text: &mut Vec<u8>) -> Option<Cell> {
    Some(match (how, right) {
        (Invalid::Age, Cell::Int(_)) => Cell::Int(*d.pick(&[999, -1, -5, 150, 200, 222])),
        (Invalid::Quantity, Cell::Int(n)) => {
            if d.chance(800_000) {
                Cell::Int(-n)
            } else {
                Cell::Int(999_999)
            }
        }
        (Invalid::Amount, Cell::Hundredths(n)) if n != 0 => Cell::Hundredths(-n),
        (Invalid::Rating, Cell::Int(_)) => Cell::Int(*d.pick(&[0, 6, 10, -1, 55])),
        (Invalid::Day, Cell::Date(_) | Cell::Instant(_)) if texts => {
            let day = *d.pick(&BAD_DAYS);
            let at = right;
            written(text, |out| {
                out.extend_from_slice(day.as_bytes());
                if let (Cell::Instant(at), true) = (at, day.as_bytes()[0].is_ascii_digit()) {
                    out.push(if kind == Kind::Instant(crate::calendar::Form::Plain) { b' ' } else { b'T' });
                    write_clock(at, out);
                    if kind != Kind::Instant(crate::calendar::Form::Plain) {
                        out.push(b'Z');
                    }
                }
            })
        }
        (Invalid::Email, Cell::Text { from, to }) => {
            let right = text[from as usize..to as usize].to_vec();
            let at = right.iter().position(|b| *b == b'@')?;
            let (name, domain) = (&right[..at], &right[at + 1..]);
            let how = d.below(4);
            written(text, |out| match how {
                0 => {
                    out.extend_from_slice(name);
                    out.extend_from_slice(domain);
                }
                1 => {
                    out.extend_from_slice(name);
                    out.extend_from_slice(b"@@");
                    out.extend_from_slice(domain);
                }
                2 => {
                    out.extend_from_slice(name);
                    out.push(b'@');
                }
                _ => {
                    out.extend_from_slice(name);
                    out.extend_from_slice(b" at ");
                    out.extend_from_slice(domain);
                }
            })
        }
        _ => return None,
    })
}

/// The same value, as others write it.
pub fn format(right: Cell, kind: Kind, d: &mut Draws, text: &mut Vec<u8>) -> Option<Cell> {
    let how = d.next();
    Some(match right {
        Cell::Date(day) => written(text, |out| other_day(day, how, out)),
        Cell::Instant(at) => written(text, |out| {
            other_day(day_of(at), how, out);
            out.push(b' ');
            write_clock(at, out);
        }),
        Cell::Hundredths(n) => written(text, |out| other_amount(n, how, out)),
        Cell::Int(n) => written(text, |out| match how % 3 {
            0 => {
                out.push(b' ');
                whole(n, out);
            }
            1 => {
                whole(n, out);
                out.extend_from_slice(b"  ");
            }
            _ => {
                whole(n, out);
                out.extend_from_slice(b".0");
            }
        }),
        _ => {
            debug_assert!(kind == Kind::Text);
            return None;
        }
    })
}

/// Days are always given before months, so that one who knows this can read them all.
fn other_day(day: i32, how: u64, out: &mut Vec<u8>) {
    let (y, m, d) = civil_from_days(day);
    match how % 5 {
        0 | 1 => {
            let between = if how.is_multiple_of(5) { b'/' } else { b'.' };
            two(d, out);
            out.push(between);
            two(m, out);
            out.push(between);
            whole(i64::from(y), out);
        }
        2 => {
            out.extend_from_slice(MONTHS[m as usize - 1].as_bytes());
            out.push(b' ');
            two(d, out);
            out.extend_from_slice(b", ");
            whole(i64::from(y), out);
        }
        3 => {
            two(d, out);
            out.push(b' ');
            out.extend_from_slice(MONTHS[m as usize - 1].as_bytes());
            out.push(b' ');
            whole(i64::from(y), out);
        }
        _ => {
            let from = out.len();
            write_date(day, out);
            for b in &mut out[from..] {
                if *b == b'-' {
                    *b = b'/';
                }
            }
        }
    }
}

fn other_amount(n: i64, how: u64, out: &mut Vec<u8>) {
    match how % 6 {
        0 => {
            let from = out.len();
            hundredths(n, out);
            for b in &mut out[from..] {
                if *b == b'.' {
                    *b = b',';
                }
            }
        }
        1 => {
            out.push(b'$');
            hundredths(n, out);
        }
        2 => {
            out.extend_from_slice("€".as_bytes());
            hundredths(n, out);
        }
        3 => {
            hundredths(n, out);
            out.extend_from_slice(b" EUR");
        }
        4 if n.abs() >= 100_000 => {
            // 1,234.50
            if n < 0 {
                out.push(b'-');
            }
            let (units, cents) = (n.unsigned_abs() / 100, n.unsigned_abs() % 100);
            let mut groups = Vec::new();
            let mut rest = units;
            while rest >= 1000 {
                groups.push(rest % 1000);
                rest /= 1000;
            }
            unsigned(rest, out);
            for group in groups.iter().rev() {
                out.push(b',');
                crate::digits::padded(*group, 3, out);
            }
            out.push(b'.');
            two(cents as u32, out);
        }
        _ => {
            out.extend_from_slice(b"  ");
            hundredths(n, out);
            out.push(b' ');
        }
    }
}

fn written(text: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Cell {
    let from = text.len() as u32;
    write(text);
    Cell::Text { from, to: text.len() as u32 }
}
