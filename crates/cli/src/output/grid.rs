//! A table laid out for people: numbers to the right, columns fitted to the terminal.
//!
//! On a terminal, text is shortened before columns are left out, and numbers are never shortened: half a number is a wrong number.

use comfy_table::{Attribute, Cell as TableCell, CellAlignment, Color, ContentArrangement, Table};
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

/// Text columns are not made narrower than this before columns are left out.
const TEXT_MIN: usize = 12;
/// Borders: ` a │ b `, a line under the header, nothing around.
const PRESET: &str = "     ─┼ │          ";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    #[default]
    Plain,
    /// NULL, and what matters least.
    Dim,
    Good,
    Warn,
    Bad,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    pub text: String,
    pub tone: Tone,
}

impl Cell {
    pub fn new(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), tone: Tone::Plain }
    }
    pub fn toned(text: impl Into<String>, tone: Tone) -> Cell {
        Cell { text: text.into(), tone }
    }
    pub fn null() -> Cell {
        Cell::toned("NULL", Tone::Dim)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To the left; shortened where there is no room.
    Text,
    /// To the right; never shortened.
    Number,
    /// Instants, booleans: to the left, never shortened.
    Whole,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
}

#[derive(Debug, Clone, Default)]
pub struct Grid {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
}

impl Grid {
    /// Columns by name; a name that begins with `#` is one of numbers.
    pub fn new(names: &[&str]) -> Grid {
        let column = |name: &&str| match name.strip_prefix('#') {
            Some(rest) => Column { name: rest.into(), kind: Kind::Number },
            None => Column { name: (*name).into(), kind: Kind::Text },
        };
        Grid { columns: names.iter().map(column).collect(), rows: Vec::new() }
    }

    pub fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// Writes the table, and returns how many columns did not fit into `width`.
    pub fn write(&self, out: &mut dyn Write, width: Option<usize>, colour: bool) -> io::Result<usize> {
        let layout = Layout::fit(self, width);
        let mut table = Table::new();
        table.load_preset(PRESET).set_content_arrangement(ContentArrangement::Disabled);
        if colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table.set_header(layout.shown.iter().map(|shown| match shown {
            Some(i) => {
                let column = &self.columns[*i];
                let cell = TableCell::new(shorten(&visible(&column.name), layout.widths[*i])).set_alignment(alignment(column.kind));
                if colour { cell.add_attribute(Attribute::Bold) } else { cell }
            }
            None => TableCell::new("…"),
        }));
        for row in &self.rows {
            table.add_row(layout.shown.iter().map(|shown| match shown {
                Some(i) => {
                    let text = shorten(&visible(&row[*i].text), layout.widths[*i]);
                    styled(TableCell::new(text), row[*i].tone, colour).set_alignment(alignment(self.columns[*i].kind))
                }
                None => styled(TableCell::new("…"), Tone::Dim, colour),
            }));
        }
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(layout.hidden)
    }

    /// Writes one line per column: for rows too wide to be read as rows.
    pub fn write_expanded(&self, out: &mut dyn Write, width: Option<usize>, colour: bool) -> io::Result<()> {
        let label = self.columns.iter().map(|c| visible(&c.name).width()).max().unwrap_or(0);
        for (n, row) in self.rows.iter().enumerate() {
            let rule = format!("─[ row {} ]", n + 1);
            let fill = width.unwrap_or(60).min(60).saturating_sub(rule.width());
            writeln!(out, "{}", paint(&format!("{rule}{}", "─".repeat(fill)), Tone::Dim, colour))?;
            for (column, cell) in self.columns.iter().zip(row) {
                let name = visible(&column.name);
                let gap = " ".repeat(label - name.width());
                let text = cell.text.lines().map(visible).collect::<Vec<_>>().join(&format!("\n {} │ ", " ".repeat(label)));
                let line = format!(" {name}{gap} │ {}", paint(&text, cell.tone, colour));
                writeln!(out, "{}", line.trim_end())?;
            }
        }
        Ok(())
    }
}

/// Which columns are shown, in order (`None` stands for those left out), and how wide each may be.
struct Layout {
    shown: Vec<Option<usize>>,
    widths: Vec<usize>,
    hidden: usize,
}

impl Layout {
    fn fit(grid: &Grid, width: Option<usize>) -> Layout {
        let n = grid.columns.len();
        let mut widths: Vec<usize> = grid.columns.iter().map(|c| visible(&c.name).width()).collect();
        for row in &grid.rows {
            for (w, cell) in widths.iter_mut().zip(row) {
                *w = (*w).max(visible(&cell.text).width());
            }
        }
        let all: Vec<Option<usize>> = (0..n).map(Some).collect();
        let Some(available) = width else { return Layout { shown: all, widths, hidden: 0 } };

        // Text first: the widest column gives until everything fits, or all are at their least.
        let natural = widths.clone();
        let floor = |i: usize| if grid.columns[i].kind == Kind::Text { natural[i].min(TEXT_MIN) } else { natural[i] };
        let mut excess = taken(&widths).saturating_sub(available);
        while excess > 0 {
            let Some(i) = (0..n).filter(|i| widths[*i] > floor(*i)).max_by_key(|i| widths[*i]) else { break };
            widths[i] -= 1;
            excess -= 1;
        }
        if excess == 0 || n <= 2 {
            return Layout { shown: all, widths, hidden: 0 };
        }

        // Then columns: from both ends inwards, so that keys and results stay, with `…` for the rest.
        let mut left = Vec::new();
        let mut right = Vec::new();
        let mut used = 1 + 2; // the column of dots
        let (mut a, mut b) = (0, n);
        while a < b {
            let i = if left.len() <= right.len() { a } else { b - 1 };
            if used + widths[i] + 3 > available && !left.is_empty() {
                break;
            }
            used += widths[i] + 3;
            if i == a {
                left.push(i);
                a += 1;
            } else {
                right.push(i);
                b -= 1;
            }
        }
        // What is left over goes back to the text that was shortened, the most shortened first.
        while used < available {
            let short = left.iter().chain(&right).copied().filter(|i| widths[*i] < natural[*i]);
            let Some(i) = short.min_by_key(|i| widths[*i]) else { break };
            widths[i] += 1;
            used += 1;
        }
        let dots = (b > a).then_some(None);
        let shown = left.into_iter().map(Some).chain(dots).chain(right.into_iter().rev().map(Some)).collect();
        Layout { shown, widths, hidden: b - a }
    }
}

/// Columns of the terminal that a table with these column widths takes: a space on either side, a line between.
fn taken(widths: &[usize]) -> usize {
    widths.iter().map(|w| w + 3).sum::<usize>().saturating_sub(1)
}

fn alignment(kind: Kind) -> CellAlignment {
    if kind == Kind::Number { CellAlignment::Right } else { CellAlignment::Left }
}

fn styled(cell: TableCell, tone: Tone, colour: bool) -> TableCell {
    if !colour {
        return cell;
    }
    match tone {
        Tone::Plain => cell,
        Tone::Dim => cell.add_attribute(Attribute::Dim),
        Tone::Good => cell.fg(Color::DarkGreen),
        Tone::Warn => cell.fg(Color::DarkYellow),
        Tone::Bad => cell.fg(Color::DarkRed),
    }
}

/// Text with the colour of a tone, where colour is wanted.
pub fn paint(text: &str, tone: Tone, colour: bool) -> String {
    let code = match tone {
        Tone::Dim => "2",
        Tone::Good => "32",
        Tone::Warn => "33",
        Tone::Bad => "31",
        Tone::Plain => return text.to_string(),
    };
    if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
}

/// One line, without control characters: a value must not move the cursor or recolour the terminal.
pub fn visible(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_string();
    }
    text.replace("\r\n", "↵")
        .chars()
        .map(|c| {
            if c == '\n' {
                '↵'
            } else if c.is_control() {
                ' '
            } else {
                c
            }
        })
        .collect()
}

fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_string();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        if used + w + 1 > width {
            break;
        }
        out.push(c);
        used += w;
    }
    out.push('…');
    out
}
