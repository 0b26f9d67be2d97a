//! Rows of a query or of a system table, in the format asked for.

use super::cells::{Reader, formatter, kind};
use super::figures::counted;
use super::grid::{Cell, Column, Grid, Tone, paint};
use super::json::JsonRows;
use super::{Style, csv};
use crate::args::OutputFormat;
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use std::io::{self, Write};
use tidemill_pipeline::report::Rows;

/// Writes rows; for people, with a line that counts them. `more` says how to see the rest when there is more than was asked for.
pub fn write(out: &mut dyn Write, rows: &Rows, style: &Style, more: &str) -> io::Result<()> {
    if style.format == OutputFormat::Human {
        return for_people(out, rows, style, more);
    }
    let mut writer = RowWriter::begin(out, &rows.schema, style.format)?;
    rows.batches.iter().try_for_each(|b| writer.write(out, b))?;
    writer.end(out)
}

/// Writes batches for programs as they come. (People's tables need all rows first: see [`write`].)
pub enum RowWriter {
    Json(JsonRows),
    Csv,
}

impl RowWriter {
    pub fn begin(out: &mut dyn Write, schema: &Schema, format: OutputFormat) -> io::Result<RowWriter> {
        if format == OutputFormat::Json {
            return Ok(RowWriter::Json(JsonRows::default()));
        }
        csv::write_header(out, schema)?;
        Ok(RowWriter::Csv)
    }

    pub fn write(&mut self, out: &mut dyn Write, batch: &RecordBatch) -> io::Result<()> {
        match self {
            RowWriter::Json(json) => json.write(out, batch),
            RowWriter::Csv => csv::write_batch(out, batch),
        }
    }

    pub fn end(self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            RowWriter::Json(json) => json.end(out),
            RowWriter::Csv => Ok(()),
        }
    }
}

fn for_people(out: &mut dyn Write, rows: &Rows, style: &Style, more: &str) -> io::Result<()> {
    let grid = grid(rows).map_err(io::Error::other)?;
    let hidden = if style.expanded {
        grid.write_expanded(out, style.width, style.colour)?;
        0
    } else {
        grid.write(out, style.width, style.colour)?
    };
    let n = grid.rows.len() as u64;
    let mut line = if rows.truncated { format!("first {}", counted(n, "row")) } else { counted(n, "row") };
    if rows.truncated && !more.is_empty() {
        line.push_str(&format!("; {more}"));
    }
    if hidden > 0 {
        line.push_str(&format!("; {} of {} did not fit: -x shows all", hidden, counted(grid.columns.len() as u64, "column")));
    }
    writeln!(out, "{}", paint(&format!("({line})"), Tone::Dim, style.colour))
}

/// The rows as a table for people.
pub fn grid(rows: &Rows) -> Result<Grid, ArrowError> {
    let columns = rows.schema.fields().iter().map(|f| Column { name: f.name().clone(), kind: kind(f.data_type()) }).collect();
    let mut lines = Vec::new();
    for batch in &rows.batches {
        let formatters = batch.columns().iter().map(|c| formatter(c, Reader::Person)).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let mut line = Vec::with_capacity(formatters.len());
            for (array, text) in batch.columns().iter().zip(&formatters) {
                line.push(if super::is_null(array, row) { Cell::null() } else { Cell::new(text.value(row).try_to_string()?) });
            }
            lines.push(line);
        }
    }
    Ok(Grid { columns, rows: lines })
}
