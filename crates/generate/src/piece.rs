//! A stretch of a table's units, made whole: messy rows, clean rows, and the list of what was done to them.

use crate::damage::{DISTANCE_MAX, Damage, Hit, damage_line};
use crate::encode::{Layout, Piece, write_field};
use crate::rates::ErrorKind;
use crate::table::{Cell, Row, Rows, Table, write_cell};
use std::ops::Range;
use tidemill_core::Result;

/// How a table is made.
pub struct Recipe<'a> {
    pub table: &'a dyn Table,
    /// Absent where only the truth is wanted.
    pub messy: Option<Layout>,
    pub clean: Option<Layout>,
    pub damage: Damage,
    pub has_errors: bool,
    pub keeps_list: bool,
}

/// One stretch.
pub struct Made {
    pub messy: Option<Piece>,
    pub clean: Option<Piece>,
    pub list: List,
    pub units: u64,
    /// Clean rows.
    pub rows: u64,
    /// Rows and damaged lines of the messy file.
    pub lines: u64,
}

/// Errors of a stretch, as lines of CSV. The number of the messy line is not known before all earlier stretches are: a gap is left for it.
#[derive(Debug, Default)]
pub struct List {
    text: Vec<u8>,
    /// Where a number belongs, and the line within the stretch, from 0 on.
    gaps: Vec<(usize, u64)>,
    /// Per column and kind.
    pub counts: Counts,
}

/// How often each error was made, by column (one more than there are stands for the whole row).
#[derive(Debug, Default, Clone)]
pub struct Counts(pub Vec<[u64; ErrorKind::ALL.len()]>);

impl Counts {
    fn add(&mut self, column: usize, kind: ErrorKind) {
        if self.0.len() <= column {
            self.0.resize(column + 1, [0; ErrorKind::ALL.len()]);
        }
        self.0[column][kind as usize] += 1;
    }
    pub fn merge(&mut self, other: &Counts) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), [0; ErrorKind::ALL.len()]);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            mine.iter_mut().zip(theirs).for_each(|(a, b)| *a += b);
        }
    }
}

impl List {
    /// The list's lines, the first messy line of the stretch being `first`.
    pub fn write(&self, first: u64, out: &mut Vec<u8>) {
        let mut from = 0;
        for (at, line) in &self.gaps {
            out.extend_from_slice(&self.text[from..*at]);
            crate::digits::unsigned(first + line, out);
            from = *at;
        }
        out.extend_from_slice(&self.text[from..]);
    }
}

impl Recipe<'_> {
    /// Makes `units`. `last` is the number of units of the whole table; `file` is the messy file's name, for the list.
    pub fn make(&self, units: Range<u64>, last: u64, file: &str) -> Result<Made> {
        let width = self.table.columns().len();
        let (mut rows, mut again) = (Rows::new(width), Rows::new(width));
        let mut messy = self.messy.as_ref().map(Layout::encoder).transpose()?;
        let mut clean = self.clean.as_ref().map(Layout::encoder).transpose()?;
        let mut work = Work {
            recipe: self,
            file,
            cells: Vec::with_capacity(width),
            hits: Vec::new(),
            list: List::default(),
            line: 0,
            right: Vec::new(),
        };
        let copies = self.copies(&units, last);
        let mut next = copies.iter().peekable();
        let mut count = 0;
        for unit in units.clone() {
            rows.clear();
            self.table.unit(unit, &mut rows);
            count += rows.len() as u64;
            for k in 0..rows.len() {
                if let Some(clean) = &mut clean {
                    clean.row(rows.row(k));
                }
                if let Some(messy) = &mut messy {
                    if self.has_errors {
                        work.row(unit, k, &mut rows, messy);
                    } else {
                        messy.row(rows.row(k));
                        work.line += 1;
                    }
                }
            }
            while let Some((_, from, k)) = next.next_if(|(land, _, _)| *land == unit) {
                again.clear();
                self.table.unit(*from, &mut again);
                if (*k as usize) < again.len()
                    && let Some(messy) = &mut messy
                {
                    work.copy(*from, *k, &mut again, messy);
                }
            }
        }
        let finish = |e: Option<crate::encode::Encoder<'_>>| e.map(crate::encode::Encoder::finish).transpose();
        Ok(Made {
            messy: finish(messy)?,
            clean: finish(clean)?,
            units: units.end - units.start,
            rows: count,
            lines: work.line,
            list: work.list,
        })
    }

    /// Copies that land in these units: where, of which unit, of which of its rows.
    fn copies(&self, units: &Range<u64>, last: u64) -> Vec<(u64, u64, u64)> {
        if !self.has_errors || self.messy.is_none() {
            return Vec::new();
        }
        let mut copies = Vec::new();
        for unit in units.start.saturating_sub(DISTANCE_MAX)..units.end {
            for k in 0..self.table.copied_rows_max() {
                if let Some(land) = self.damage.copy(unit, k, last)
                    && units.contains(&land)
                {
                    copies.push((land, unit, k));
                }
            }
        }
        copies.sort_unstable();
        copies
    }
}

struct Work<'a> {
    recipe: &'a Recipe<'a>,
    file: &'a str,
    cells: Vec<Cell>,
    hits: Vec<Hit>,
    list: List,
    /// Messy lines so far.
    line: u64,
    right: Vec<u8>,
}

impl Work<'_> {
    fn row(&mut self, unit: u64, k: usize, rows: &mut Rows, messy: &mut crate::encode::Encoder<'_>) {
        let damage = &self.recipe.damage;
        if let Some(draw) = damage.corrupt(unit, k as u64) {
            let (_, from) = messy.lines();
            let row = rows.row(k);
            messy.row(row);
            let (out, _) = messy.lines();
            out.pop();
            self.right.clear();
            self.right.extend_from_slice(&out[from..]);
            let format = self.recipe.messy.as_ref().map_or(crate::options::Format::Csv, |l| l.format);
            damage_line(format, out, from, draw);
            let wrong = out[from..].to_vec();
            out.push(b'\n');
            let right = std::mem::take(&mut self.right);
            self.note(unit, row, None, ErrorKind::Corrupt, &right, &wrong);
            self.right = right;
            self.line += 1;
            return;
        }
        let (clean, text) = rows.parts(k);
        self.cells.clear();
        self.cells.extend_from_slice(clean);
        damage.cells(unit, k as u64, &mut self.cells, text, &mut self.hits);
        if !self.hits.is_empty() {
            let row = rows.row(k);
            for hit in std::mem::take(&mut self.hits) {
                self.note_cell(unit, row, hit.column, hit.kind, row.cells[hit.column], self.cells[hit.column]);
            }
        }
        messy.row(Row { cells: &self.cells, text: rows.row(k).text });
        self.line += 1;
    }

    /// A row that came before: as it was then, or with another time; whole, where its line had been damaged.
    fn copy(&mut self, unit: u64, k: u64, rows: &mut Rows, messy: &mut crate::encode::Encoder<'_>) {
        let damage = &self.recipe.damage;
        let (clean, text) = rows.parts(k as usize);
        self.cells.clear();
        self.cells.extend_from_slice(clean);
        if damage.corrupt(unit, k).is_some() {
            self.note(unit, rows.row(k as usize), None, ErrorKind::Resent, b"", b"");
        } else {
            damage.cells(unit, k, &mut self.cells, text, &mut self.hits);
            self.hits.clear();
            let before = self.cells.clone();
            let row = rows.row(k as usize);
            match damage.restamp(unit, k, &mut self.cells) {
                Some(column) => self.note_cell(unit, row, column, ErrorKind::NearDuplicate, before[column], self.cells[column]),
                None => self.note(unit, row, None, ErrorKind::Duplicate, b"", b""),
            }
        }
        messy.row(Row { cells: &self.cells, text: rows.row(k as usize).text });
        self.line += 1;
    }

    fn note_cell(&mut self, unit: u64, row: Row<'_>, column: usize, kind: ErrorKind, right: Cell, wrong: Cell) {
        if !self.recipe.keeps_list {
            return self.list.counts.add(column, kind);
        }
        let of = self.recipe.table.columns()[column].kind;
        let (mut a, mut b) = (Vec::with_capacity(32), Vec::with_capacity(32));
        write_cell(right, of, row.text, &mut a);
        write_cell(wrong, of, row.text, &mut b);
        self.note(unit, row, Some(column), kind, &a, &b);
    }

    /// `table,row_key,file,line,column,kind,right,wrong`
    fn note(&mut self, unit: u64, row: Row<'_>, column: Option<usize>, kind: ErrorKind, right: &[u8], wrong: &[u8]) {
        let table = self.recipe.table;
        self.list.counts.add(column.unwrap_or(table.columns().len()), kind);
        if !self.recipe.keeps_list {
            return;
        }
        let out = &mut self.list.text;
        out.extend_from_slice(table.name().as_bytes());
        out.push(b',');
        if table.key().is_empty() {
            crate::digits::unsigned(unit + 1, out);
        }
        for (i, key) in table.key().iter().enumerate() {
            if i > 0 {
                out.push(b'/');
            }
            write_cell(row.cells[*key], table.columns()[*key].kind, row.text, out);
        }
        out.push(b',');
        out.extend_from_slice(self.file.as_bytes());
        out.push(b',');
        self.list.gaps.push((out.len(), self.line));
        out.push(b',');
        out.extend_from_slice(column.map_or("*", |c| table.columns()[c].name).as_bytes());
        out.push(b',');
        out.extend_from_slice(kind.name().as_bytes());
        out.push(b',');
        write_field(right, out);
        out.push(b',');
        write_field(wrong, out);
        out.push(b'\n');
    }
}
