//! Results as sets of rows: floats to 1e-9 of their size.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::cmp::Ordering;

#[derive(Debug, Clone)]
pub(super) enum Cell {
    Text(String),
    Float(f64),
}

pub(super) type Rows = Vec<Vec<Cell>>;

pub(super) fn rows(batches: &[RecordBatch]) -> Rows {
    let options = FormatOptions::default().with_null("NULL");
    let mut all = Vec::new();
    for batch in batches {
        let shown: Vec<_> = batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().zip(&shown).map(|(c, f)| match c.data_type() {
                DataType::Float64 if c.is_valid(row) => Cell::Float(c.as_primitive::<Float64Type>().value(row)),
                _ => Cell::Text(f.value(row).to_string()),
            });
            all.push(cells.collect());
        }
    }
    all
}

fn order(a: &[Cell], b: &[Cell]) -> Ordering {
    let texts = |r: &[Cell]| r.iter().filter_map(|c| if let Cell::Text(t) = c { Some(t.clone()) } else { None }).collect::<Vec<_>>();
    let floats =
        |r: &[Cell]| r.iter().filter_map(|c| if let Cell::Float(f) = c { Some((f * 1e6).round() / 1e6) } else { None }).collect::<Vec<_>>();
    texts(a).cmp(&texts(b)).then_with(|| floats(a).partial_cmp(&floats(b)).unwrap_or(Ordering::Equal))
}

fn same(a: &Cell, b: &Cell) -> bool {
    match (a, b) {
        (Cell::Text(a), Cell::Text(b)) => a == b,
        (Cell::Float(a), Cell::Float(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-3) || a.is_nan() && b.is_nan(),
        _ => false,
    }
}

/// What tells two results apart; `None`: nothing.
pub(super) fn difference(mut live: Rows, mut batch: Rows) -> Option<String> {
    live.sort_by(|a, b| order(a, b));
    batch.sort_by(|a, b| order(a, b));
    let at = (0..live.len().max(batch.len())).find(|i| match (live.get(*i), batch.get(*i)) {
        (Some(a), Some(b)) => a.len() != b.len() || !a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => true,
    })?;
    let around = |rows: &Rows| rows.iter().skip(at.saturating_sub(1)).take(4).map(|r| format!("    {r:?}")).collect::<Vec<_>>().join("\n");
    Some(format!(
        "{} rows live, {} in batch; first difference at {at}\n  live\n{}\n  batch\n{}",
        live.len(),
        batch.len(),
        around(&live),
        around(&batch)
    ))
}
