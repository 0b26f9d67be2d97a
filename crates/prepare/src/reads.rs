//! Which columns are read from a source, and how: what the table declares, merged with what a sample of the source shows.

use arrow::datatypes::DataType;
use tidemill_core::{ColumnRead, Place, Problem, codes, name};
use tidemill_project::spec::{Column, Table, Undeclared};

/// The columns to read, in the source's order where that is known. `probe`: what the source was seen to have.
///
/// A declared column that the source lacks comes last; whether that is a mistake is for the table's drift policy to say.
pub fn reads(table: &Table, probe: Option<&[ColumnRead]>) -> (Vec<ColumnRead>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut out: Vec<ColumnRead> = Vec::new();
    let mut declared: Vec<Option<&Column>> = table.columns.iter().map(Some).collect();
    let mut take = |probed: &ColumnRead| -> Option<&Column> {
        let matches = |c: &&Column, exact: bool| {
            let label = c.from.as_ref().unwrap_or(&c.name).value.as_str();
            if exact {
                label == probed.label
            } else {
                name::normalise(label) == probed.name || name::normalise(label) == name::normalise(&probed.label)
            }
        };
        let by = |exact| declared.iter().position(|c| c.as_ref().is_some_and(|c| matches(c, exact)));
        let at = by(true).or_else(|| by(false))?;
        declared[at].take()
    };
    for probed in probe.unwrap_or_default() {
        match take(probed) {
            Some(c) => out.push(declared_read(table, c, Some(probed))),
            None if table.undeclared == Undeclared::Keep => out.push(undeclared_read(table, probed)),
            None => {}
        }
    }
    out.extend(declared.into_iter().flatten().map(|c| declared_read(table, c, None)));
    for at in 0..out.len() {
        if let Some(other) = out[..at].iter().find(|o| o.name == out[at].name) {
            let place = table.columns.iter().find(|c| name::normalise(&c.name) == out[at].name).map(|c| c.name.span.clone());
            let place = place.map_or_else(|| Place::file(&table.file), |s| Place::span(&table.file, s));
            let message = format!("`{}` and `{}` would both be column `{}`", other.label, out[at].label, out[at].name);
            problems.push(
                Problem::error(codes::COLUMN_DUPLICATE, place, message).help("give one of them another name: a [columns.NAME] with `from`"),
            );
        }
    }
    (out, problems)
}

fn declared_read(table: &Table, c: &Column, probed: Option<&ColumnRead>) -> ColumnRead {
    // What is missing in a column of a declared type is for the declaration to say.
    let guessed = probed.filter(|_| c.data_type.is_none());
    let inferred = probed.filter(|p| c.data_type.as_ref().is_none_or(|t| t.value == p.data_type));
    let data_type = c.data_type.as_ref().map(|t| t.value.clone()).or_else(|| probed.map(|p| p.data_type.clone())).unwrap_or(DataType::Utf8);
    let formats = if c.formats.is_empty() {
        // A date column declared as such still reads the sample's way of writing dates.
        let alike = probed.filter(|p| is_moment(&p.data_type) && is_moment(&data_type));
        inferred.or(alike).map(|p| p.formats.clone()).unwrap_or_default()
    } else {
        c.formats.iter().map(|f| f.value.clone()).collect()
    };
    ColumnRead {
        name: name::normalise(&c.name),
        label: c.from.as_ref().map_or_else(|| probed.map_or_else(|| c.name.value.clone(), |p| p.label.clone()), |f| f.value.clone()),
        data_type,
        formats,
        null_tokens: tokens(table, &c.nulls, guessed),
        on_invalid: c.on_invalid,
        timezone: c.timezone.as_ref().map_or_else(|| table.timezone.clone(), |t| t.value.clone()),
        thousands: c.thousands.or_else(|| inferred.and_then(|p| p.thousands)),
        decimal: c.decimal.or_else(|| inferred.map(|p| p.decimal)).unwrap_or('.'),
        units: if c.units.is_empty() { inferred.map(|p| p.units.clone()).unwrap_or_default() } else { c.units.clone() },
        negative: c.negative,
        trim: c.trim,
    }
}

fn undeclared_read(table: &Table, probed: &ColumnRead) -> ColumnRead {
    ColumnRead { null_tokens: tokens(table, &[], Some(probed)), timezone: table.timezone.clone(), ..probed.clone() }
}

/// The table's tokens, the column's own, and those the sample was read with.
fn tokens(table: &Table, own: &[String], probed: Option<&ColumnRead>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for t in table.nulls.iter().chain(own).chain(probed.into_iter().flat_map(|p| &p.null_tokens)) {
        if !out.contains(t) {
            out.push(t.clone());
        }
    }
    out
}

fn is_moment(t: &DataType) -> bool {
    matches!(t, DataType::Date32 | DataType::Timestamp(..))
}
