//! Reading a truth: the list of errors, once for all tables, and a table's clean rows.

use super::columns::Pair;
use super::lines::{Lines, Stands};
use super::manifest::{Truth, TruthTable};
use super::rows::Copy;
use super::scratch::{Scratch, ScratchWriter};
use super::tally::{CORRUPT, Kinds};
use arrow::array::{Array, ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, SchemaRef};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use tidemill_connect::{FileOptions, FileSource, OptionValue, ScanOptions};
use tidemill_core::{ColumnRead, Decoded, Error, Meter, Result, Scan, drive};
use tidemill_lake::Snapshot;

pub(super) const N: &str = "_n";

/// What the list of errors says of a table.
pub(super) struct Listed {
    pub lines: Lines,
    pub copies: Vec<Copy>,
    /// File and line of each.
    pub corrupt: Vec<(usize, u64)>,
    /// Errors in cells: file, line, column, kind, wrong; in the order of the lines.
    pub cells: Snapshot,
}

fn cells_schema() -> SchemaRef {
    let fields = [
        ("file", DataType::Int32),
        ("line", DataType::Int64),
        ("column", DataType::Int32),
        ("kind", DataType::Int32),
        ("wrong", DataType::Utf8),
    ];
    Arc::new(Schema::new(fields.map(|(name, t)| Field::new(name, t, true)).to_vec()))
}

struct Gathering<'a> {
    table: &'a TruthTable,
    columns: HashMap<&'a str, usize>,
    lines: Lines,
    copies: Vec<Copy>,
    corrupt: Vec<(usize, u64)>,
    cells: ScratchWriter,
}

/// Reads the list of errors for some of the truth's tables, by name.
pub(super) fn errors(
    truth: &Truth,
    tables: &[&TruthTable],
    kinds: &mut Kinds,
    scratch: &Scratch,
    threads: usize,
) -> Result<BTreeMap<String, Listed>> {
    let mut all: Vec<Gathering> = Vec::new();
    for table in tables {
        all.push(Gathering {
            table,
            columns: table.columns.iter().enumerate().map(|(at, c)| (c.name.as_str(), at)).collect(),
            lines: Lines::new(&table.files, truth.has_header),
            copies: Vec::new(),
            corrupt: Vec::new(),
            cells: scratch.writer(&format!("errors_{}", table.name), cells_schema())?,
        });
    }
    let names = ["table", "row_key", "file", "line", "column", "kind", "wrong"];
    let read = |name: &&str| ColumnRead::new(*name, if *name == "line" { DataType::Int64 } else { DataType::Utf8 });
    let columns: Vec<ColumnRead> = names.iter().map(read).collect();
    let scan = files(&truth.errors, &columns, true)?;
    drive(
        &*scan,
        threads,
        &Meter::default(),
        |_, decoded| whole(decoded, &truth.errors),
        |_, batch| all.iter_mut().try_for_each(|g| g.take(&batch, kinds)),
        |_, ()| Ok(()),
    )?;
    all.into_iter()
        .map(|g| {
            let listed = Listed { lines: g.lines, copies: g.copies, corrupt: g.corrupt, cells: g.cells.finish()? };
            Ok((g.table.name.clone(), listed))
        })
        .collect()
}

impl Gathering<'_> {
    fn take(&mut self, batch: &RecordBatch, kinds: &mut Kinds) -> Result<()> {
        let text = |at: usize| batch.column(at).as_string::<i32>();
        let lines = batch.column(3).as_primitive::<Int64Type>();
        let (mut file_no, mut line_no, mut column_no, mut kind_no) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut wrong = StringBuilder::new();
        let stranger = |what: &str| damaged(format!("the list of errors names {what}, which truth.json does not know"));
        for row in (0..batch.num_rows()).filter(|row| text(0).value(*row) == self.table.name) {
            let name = text(2).value(row);
            let file = self.lines.file(name).ok_or_else(|| stranger(&format!("the file `{name}`")))?;
            let line = u64::try_from(lines.value(row)).unwrap_or_default();
            let kind = kinds.of(text(5).value(row));
            let name = text(4).value(row);
            let column = self.columns.get(name).copied();
            if column.is_none() && name != "*" {
                return Err(stranger(&format!("the column `{name}`")));
            }
            if kind == CORRUPT {
                self.corrupt.push((file, line));
            } else if Kinds::is_of_rows(kind) {
                self.lines.add_copy(file, line, self.copies.len() as u32);
                let row_key = text(1).value(row).to_string();
                self.copies.push(Copy { kind, column, row_key, n: 0, in_clean: false, aside: false });
            } else if let Some(column) = column {
                file_no.push(file as i32);
                line_no.push(line as i64);
                column_no.push(column as i32);
                kind_no.push(i32::from(kind));
                wrong.append_value(if text(6).is_valid(row) { text(6).value(row) } else { "" });
            } else {
                return Err(stranger(&format!("an error of kind `{}` in no column", text(5).value(row))));
            }
        }
        if file_no.is_empty() {
            return Ok(());
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(file_no)),
            Arc::new(Int64Array::from(line_no)),
            Arc::new(Int32Array::from(column_no)),
            Arc::new(Int32Array::from(kind_no)),
            Arc::new(wrong.finish()),
        ];
        self.cells.append(RecordBatch::try_new(cells_schema(), columns)?)
    }
}

/// Reads the clean rows into a table of their numbers and scored columns, tells `listed` how they lie in the files, and finds the rows of copies.
pub(super) fn rows(
    truth: &Truth,
    table: &TruthTable,
    pairs: &[Pair],
    listed: &mut Listed,
    scratch: &Scratch,
    threads: usize,
) -> Result<Snapshot> {
    let mut reads: Vec<ColumnRead> = pairs.iter().map(|p| p.read(&table.columns[p.at].name)).collect();
    let mut fields = vec![Field::new(N, DataType::Int64, false)];
    fields.extend(reads.iter().map(|r| Field::new(&r.name, r.data_type.clone(), true)));
    let schema = Arc::new(Schema::new(fields));
    let scored = reads.len();
    let is_needed = !listed.copies.is_empty();
    // A column is read once: a key that is scored is where it is scored.
    let mut keys: Vec<usize> = Vec::new();
    for k in table.key.iter().filter(|_| is_needed) {
        keys.push(pairs.iter().position(|p| table.columns[p.at].name == *k).unwrap_or(reads.len()));
        if keys.last() == Some(&reads.len()) {
            reads.push(ColumnRead { label: k.clone(), ..ColumnRead::new(format!("k{}", keys.len()), DataType::Utf8) });
        }
    }
    let mut of_key: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut found: Vec<u64> = vec![0; listed.copies.len()];
    for (at, c) in listed.copies.iter().enumerate() {
        of_key.entry(&c.row_key).or_default().push(at);
        if table.key.is_empty() {
            found[at] = c.row_key.parse().unwrap_or(0);
        }
    }
    let writer = scratch.writer(&format!("truth_{}", table.name), Arc::clone(&schema))?;
    let (mut n, mut first_seq) = (0u64, 0u64);
    for (file, name) in table.files.iter().enumerate() {
        let path = truth.dir.join(name);
        let scan = files(&path, &reads, truth.has_header)?;
        let before = n;
        let (mut morsels, base) = (0u64, first_seq);
        drive(
            &*scan,
            threads,
            &Meter::default(),
            |_, decoded| whole(decoded, &path),
            |_, batch: RecordBatch| {
                let from = n + 1;
                if !keys.is_empty() {
                    match_keys(&batch, &keys, from, &of_key, &mut found)?;
                }
                n += batch.num_rows() as u64;
                morsels += 1;
                Ok((from, batch))
            },
            |seq, (from, batch)| {
                let numbers = Int64Array::from_iter_values(from as i64..from as i64 + batch.num_rows() as i64);
                let mut columns: Vec<ArrayRef> = vec![Arc::new(numbers)];
                columns.extend(batch.columns()[..scored].iter().cloned());
                writer.write(base + seq, RecordBatch::try_new(Arc::clone(&schema), columns)?)
            },
        )?;
        first_seq += morsels;
        listed.lines.set_rows(file, n - before);
    }
    if n != table.rows {
        return Err(damaged(format!("the truth of `{}` has {n} rows, and truth.json says {}", table.name, table.rows)));
    }
    for (c, n) in listed.copies.iter_mut().zip(found) {
        if n == 0 {
            return Err(damaged(format!("the truth of `{}` has no row `{}`, of which there is a copy", table.name, c.row_key)));
        }
        c.n = n;
    }
    writer.finish()
}

fn match_keys(batch: &RecordBatch, keys: &[usize], from: u64, of_key: &HashMap<&str, Vec<usize>>, found: &mut [u64]) -> Result<()> {
    let keys = keys.iter().map(|k| Ok(arrow::compute::cast(batch.column(*k), &DataType::Utf8)?)).collect::<Result<Vec<_>>>()?;
    let keys: Vec<_> = keys.iter().map(|c| c.as_string::<i32>()).collect();
    let mut joined = String::new();
    for row in 0..batch.num_rows() {
        joined.clear();
        for (i, k) in keys.iter().enumerate() {
            if i > 0 {
                joined.push('/');
            }
            joined.push_str(if k.is_valid(row) { k.value(row) } else { "" });
        }
        for at in of_key.get(joined.as_str()).into_iter().flatten() {
            found[*at] = from + row as u64;
        }
    }
    Ok(())
}

/// An error in a cell, where it stands.
pub(super) struct Listing {
    pub n: u64,
    pub column: usize,
    pub kind: u16,
    pub wrong: String,
}

/// Calls `each` with the errors in cells, a piece after another, in the order of the rows.
pub(super) fn cells(listed: &Listed, scan: &dyn Scan) -> Result<Option<Vec<Listing>>> {
    let Some(morsel) = scan.next()? else { return Ok(None) };
    let batch = morsel.decode()?.batch;
    let whole = |at: usize| batch.column(at).as_primitive::<Int32Type>();
    let lines = batch.column(1).as_primitive::<Int64Type>();
    let wrong = arrow::compute::cast(batch.column(4), &DataType::Utf8)?;
    let wrong = wrong.as_string::<i32>();
    let mut out = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let line = u64::try_from(lines.value(row)).unwrap_or_default();
        let Some(Stands::Row(n)) = listed.lines.stands(whole(0).value(row) as usize, line) else {
            return Err(damaged(format!("the list of errors has one in line {line}, where there is no row")));
        };
        let wrong = if wrong.is_valid(row) { wrong.value(row) } else { "" };
        out.push(Listing { n, column: whole(2).value(row) as usize, kind: whole(3).value(row) as u16, wrong: wrong.to_string() });
    }
    Ok(Some(out))
}

fn damaged(what: String) -> Error {
    Error::data(what).help("the files of a truth belong together: make it again with `tidemill generate`")
}

/// A file of the truth as a scan.
fn files(path: &Path, columns: &[ColumnRead], has_header: bool) -> Result<Box<dyn Scan>> {
    let mut options: tidemill_connect::Options = [("path".to_string(), OptionValue::Text(path.display().to_string()))].into();
    if path.to_string_lossy().contains(".csv") {
        options.insert("delimiter".into(), ",".into());
        options.insert("header".into(), has_header.into());
    }
    let (options, mistakes) = FileOptions::parse(&options);
    if let Some(m) = mistakes.into_iter().next() {
        return Err(Error::bug(m.message));
    }
    let source = FileSource::new(&options, Path::new("."));
    let entries = source.list().map_err(|e| Error::config(format!("the truth has no `{}`", path.display())).because(e))?;
    source.scan(&entries, columns, ScanOptions { morsel_bytes: 4 << 20, ..ScanOptions::default() })
}

/// A truth is read whole or not at all.
fn whole(decoded: Decoded, path: &Path) -> Result<RecordBatch> {
    match decoded.rejects.first() {
        None => Ok(decoded.batch),
        Some(r) => Err(Error::data(format!("line {} of the truth can't be read: {}", r.line, r.reason)).at(path.display().to_string())),
    }
}
