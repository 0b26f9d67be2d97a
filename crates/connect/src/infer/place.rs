//! Where in a source things are: which stretch of rows holds one kind of cell, what stands in the first and the last rows, which rows are empty.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use tidemill_core::Decoded;

/// From the first row of something to the last: its number (from 0) and the line it is on.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    pub rows: u64,
    pub first: (u64, u64),
    pub last: (u64, u64),
}

impl Stretch {
    pub(super) fn see(&mut self, at: (u64, u64)) {
        if self.rows == 0 {
            self.first = at;
        }
        self.rows += 1;
        self.last = at;
    }

    /// `other` begins `rows` rows further down.
    pub(super) fn absorb(&mut self, other: Stretch, rows: u64) {
        if other.rows == 0 {
            return;
        }
        let below = |(row, line)| (row + rows, line);
        if self.rows == 0 {
            self.first = below(other.first);
        }
        self.rows += other.rows;
        self.last = below(other.last);
    }
}

/// A row of texts, and its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub line: u64,
    pub cells: Vec<Option<String>>,
}

impl Row {
    pub fn filled(&self) -> usize {
        self.cells.iter().flatten().filter(|c| !c.trim().is_empty()).count()
    }
}

/// The ends of a source, and its empty rows.
#[derive(Debug, Default)]
pub struct Ends {
    pub first: Option<Row>,
    pub last: Vec<Row>,
    /// Rows in which every cell is empty, and the line of the first.
    pub empty: u64,
    pub empty_line: u64,
}

fn text(column: &ArrayRef, row: usize) -> Option<&str> {
    (*column.data_type() == DataType::Utf8 && column.is_valid(row)).then(|| column.as_string::<i32>().value(row))
}

/// So many rows at the end are kept.
const LAST: usize = 12;

impl Ends {
    pub(super) fn of(decoded: &Decoded) -> Ends {
        let columns = decoded.batch.columns();
        let rows = decoded.batch.num_rows();
        let row = |row: usize| Row {
            line: decoded.lines.get(row).copied().unwrap_or(0),
            cells: columns.iter().map(|c| text(c, row).map(|t| t.chars().take(200).collect())).collect(),
        };
        let mut ends =
            Ends { first: (rows > 0).then(|| row(0)), last: (rows.saturating_sub(LAST)..rows).map(row).collect(), ..Ends::default() };
        if columns.len() > 1 {
            for at in 0..rows {
                if columns.iter().all(|c| text(c, at).is_none_or(|t| t.trim().is_empty())) {
                    ends.empty += 1;
                    if ends.empty_line == 0 {
                        ends.empty_line = decoded.lines.get(at).copied().unwrap_or(0);
                    }
                }
            }
        }
        ends
    }

    pub(super) fn absorb(&mut self, other: Ends) {
        if self.first.is_none() {
            self.first = other.first;
        }
        self.last.extend(other.last);
        let more = self.last.len().saturating_sub(LAST);
        self.last.drain(..more);
        if self.empty == 0 {
            self.empty_line = other.empty_line;
        }
        self.empty += other.empty;
    }
}
