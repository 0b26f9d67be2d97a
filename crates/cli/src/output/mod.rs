//! Printing results: rows and reports, for people, as JSON or as CSV.
//!
//! Read [`rows`] first (Arrow rows in the three formats), then [`records`] (small reports in the same three), [`grid`] (how a table is
//! laid out for people), [`cells`] (one value), [`figures`] (numbers in sentences). Nothing here knows a command.

pub mod cells;
pub mod csv;
pub mod figures;
pub mod grid;
pub mod json;
pub mod records;
pub mod rows;

#[cfg(test)]
mod tests;

use crate::args::OutputFormat;
use arrow::array::Array;
use arrow::datatypes::DataType;

/// Whether a cell is NULL; an array of the type NULL has no bits that say so.
pub fn is_null(array: &dyn Array, row: usize) -> bool {
    *array.data_type() == DataType::Null || array.is_null(row)
}

/// How results are to look, decided once per process (the shell changes `expanded`).
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub format: OutputFormat,
    /// Whether standard output takes colour.
    pub colour: bool,
    /// Columns of the terminal; `None` when standard output is not one: then nothing is shortened.
    pub width: Option<usize>,
    /// One line per column.
    pub expanded: bool,
}
