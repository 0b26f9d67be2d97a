//! From source files to the raw table: which files to read, reading them under the contract, and what becomes of rows they replace.

use crate::state::{FileState, LedgerLine, Outcome};
use crate::tables::Prepared;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tidemill_connect::follow::directory;
use tidemill_connect::{FileEntry, ScanOptions};
use tidemill_core::{ColumnRead, Decoded, Error, Meter, Reject, Result, Task, name};
use tidemill_lake::{DataFile, TableWriter};
use tidemill_prepare::contract_stint;
use tidemill_project::spec::{Drift, Load, OnRemoved};

/// Which files an ingest reads, keeps and lets go.
#[derive(Debug, Clone, Default)]
pub struct FilePlan {
    /// To be read, in path order: new, changed, or read under another specification before.
    pub read: Vec<(FileEntry, FileState)>,
    /// Stored rows stay.
    pub keep: Vec<FileState>,
    /// Stored rows go: superseded by a file in `read`, or no longer in the source.
    pub drop: Vec<FileState>,
    pub new: usize,
    pub changed: usize,
    pub respecified: usize,
    pub removed: usize,
}

impl FilePlan {
    pub fn is_empty(&self) -> bool {
        self.read.is_empty() && self.drop.is_empty()
    }

    pub fn reason(&self) -> String {
        let mut parts = Vec::new();
        let mut say = |n: usize, what: &str| {
            if n > 0 {
                parts.push(format!("{n} {what}{}", if n == 1 { "" } else { "s" }));
            }
        };
        say(self.new, "new file");
        say(self.changed, "changed file");
        say(self.removed, "removed file");
        if self.respecified > 0 {
            parts.push(format!("reading rules changed for {} file{}", self.respecified, if self.respecified == 1 { "" } else { "s" }));
        }
        parts.join(", ")
    }
}

/// Compares the source with what was taken before.
pub fn plan_files(p: &Prepared, before: Option<&Outcome>, full: bool) -> Result<FilePlan> {
    let known: HashMap<&str, &FileState> = before.map(|o| o.files.iter().map(|f| (f.path.as_str(), f)).collect()).unwrap_or_default();
    let mut plan = FilePlan::default();
    // What another environment took from files stays as it is while the table is followed.
    let Some(source) = &p.files else {
        plan.keep = before.map(|o| o.files.clone()).unwrap_or_default();
        return Ok(plan);
    };
    let mut seen = BTreeSet::new();
    let listed = source.list().map_err(|e| e.within(p.raw_node()))?;
    for entry in listed {
        seen.insert(entry.path.clone());
        let old = known.get(entry.path.as_str()).copied();
        let fingerprint = source
            .fingerprint(&entry, old.map(|o| (o.size, o.modified_micros, o.fingerprint.as_str())))
            .map_err(|e| e.at(entry.path.clone()))?;
        let state = FileState {
            path: entry.path.clone(),
            size: entry.size,
            modified_micros: entry.modified_micros,
            fingerprint,
            spec: p.read_spec.clone(),
            rows_read: 0,
            rows_written: 0,
            rows_quarantined: 0,
            data_files: Vec::new(),
            quarantine_files: Vec::new(),
            present: true,
            restored: false,
            incomplete: None,
            followed: false,
        };
        if let Some(o) = old.filter(|o| o.followed) {
            // Its rows came while the directory was followed, and stand among those of other files.
            if directory::fingerprint_of_whole(&o.fingerprint).as_ref() != Some(&state.fingerprint) {
                let what = format!("`{}` was taken while its directory was followed, in part or with other content", entry.path);
                return Err(Error::data(what).help("follow it again (`follow = true`), or put new rows into a new file"));
            }
            plan.keep.push(o.clone());
            continue;
        }
        match old {
            Some(o) if !full && o.fingerprint == state.fingerprint && o.spec == state.spec => {
                plan.keep.push(FileState { modified_micros: state.modified_micros, present: true, restored: false, ..o.clone() });
                continue;
            }
            Some(o) => {
                if o.fingerprint != state.fingerprint {
                    plan.changed += 1;
                } else {
                    plan.respecified += 1;
                }
                plan.drop.push(o.clone());
            }
            None => plan.new += 1,
        }
        plan.read.push((entry, state));
    }
    for o in known.values().filter(|o| !seen.contains(&o.path)) {
        if o.followed {
            // No file at all: rows of a source that is followed at other times.
            plan.keep.push((*o).clone());
            continue;
        }
        let stays = o.restored && !full && o.spec == p.read_spec;
        if !stays && (p.table.load == Load::Replace || p.table.on_removed == OnRemoved::Delete) {
            plan.removed += 1;
            plan.drop.push((*o).clone());
        } else {
            plan.keep.push(FileState { present: false, ..(*o).clone() });
        }
    }
    plan.keep.sort_by(|a, b| a.path.cmp(&b.path));
    plan.drop.sort_by(|a, b| a.path.cmp(&b.path));
    // A snapshot is compared whole: if any part of it changed, all of it is read.
    if p.table.load == Load::Diff && !plan.is_empty() {
        for entry in source.list()? {
            if let Some(i) = plan.keep.iter().position(|k| k.path == entry.path) {
                let k = plan.keep.remove(i);
                plan.read.push((entry, FileState { rows_read: 0, rows_written: 0, rows_quarantined: 0, ..k }));
            }
        }
        plan.read.sort_by(|a, b| a.1.path.cmp(&b.1.path));
    }
    Ok(plan)
}

/// Why files of which only a part can be read must not be taken: rows that the table holds would give way to fewer. Where nothing
/// stored is at stake, or the same part was taken before, what can be read is taken.
pub fn loss(p: &Prepared, before: Option<&Outcome>, damaged: &BTreeMap<String, String>, read: &[(FileEntry, FileState)]) -> Option<Error> {
    let before = before?;
    for (path, why) in damaged {
        let earlier = before.files.iter().find(|f| f.path == *path);
        let now = read.iter().map(|r| &r.1).find(|f| f.path == *path);
        if earlier.is_some_and(|e| e.incomplete.is_some() && now.is_none_or(|n| n.fingerprint == e.fingerprint)) {
            continue;
        }
        let at_stake = match p.table.load {
            Load::Upsert => false,
            Load::Append => earlier.is_some_and(|e| e.rows_written > 0 || !p.keeps_raw()),
            Load::Replace | Load::Diff => before.rows > 0,
        };
        if at_stake {
            let message = format!("`{path}` is incomplete ({why}); what {} holds of it stays", p.table.name);
            return Some(Error::data(message).help("put the whole file in its place, or take it away, and run again"));
        }
    }
    None
}

/// The raw table: the contract's columns, then where each row came from.
pub fn raw_schema(reads: &[ColumnRead]) -> SchemaRef {
    let mut fields: Vec<Field> = reads.iter().map(|c| Field::new(&c.name, c.data_type.clone(), true)).collect();
    fields.push(Field::new(name::FILE, DataType::Utf8, true));
    fields.push(Field::new(name::LINE, DataType::Int64, true));
    fields.push(Field::new(name::INGESTED_AT, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true));
    Arc::new(Schema::new(fields))
}

/// What reading gave.
#[derive(Default)]
pub struct Taken {
    pub files: Vec<FileState>,
    pub adds: Vec<DataFile>,
    pub rows_quarantined: u64,
    pub rows_read: u64,
    pub rows_written: u64,
    /// Cells that did not parse and became NULL because the column says so.
    pub nulled: BTreeMap<String, u64>,
}

/// Takes rejected rows, in source order.
pub type SetAside<'a> = &'a mut (dyn FnMut(Vec<Reject>) -> Result<()> + Send);

struct Counts {
    read: u64,
    written: u64,
}

/// Reads every file of the plan into new Parquet files of the raw table (`writer` must have `file_per` set to `_file`). Nothing is
/// visible until those are committed.
pub fn read_files(
    p: &Prepared,
    plan: &FilePlan,
    threads: usize,
    ingested_at: i64,
    meter: &Meter,
    writer: TableWriter,
    set_aside: SetAside<'_>,
) -> Result<Taken> {
    let mut taken = Taken::default();
    let entries: Vec<FileEntry> = plan.read.iter().map(|g| g.0.clone()).collect();
    let Some(source) = &p.files else { return Err(Error::bug(format!("`{}` has no files to read", p.table.name))) };
    let scan = source.scan(&entries, &p.reads, ScanOptions { drift: drift(p.table.drift), ..ScanOptions::default() })?;
    let mut per_file: HashMap<Arc<str>, u64> = HashMap::new();
    let schema = raw_schema(&p.reads);
    let counts: Mutex<HashMap<Arc<str>, Counts>> = Mutex::new(HashMap::new());
    let nulled = Mutex::new(vec![0u64; p.reads.len()]);
    let work = &meter.work;
    let reading = work.stint(Task::Read, 1);
    let contract = contract_stint(Some(&p.contract), work, threads);
    let writing = work.stint_on(Task::Write, threads, || match p.table.load {
        Load::Upsert | Load::Diff => ("Stage", "rows to be merged by key"),
        Load::Append | Load::Replace => ("Write", ""),
    });
    let setting_aside = work.stint(Task::SetAside, 1);
    tidemill_core::drive(
        scan.as_ref(),
        threads,
        meter,
        |_, decoded| {
            let mut d = match &contract {
                Some(stint) => stint.time(|| p.contract.apply(decoded))?,
                None => p.contract.apply(decoded)?,
            };
            contract.iter().for_each(|stint| Meter::add(&stint.rows, d.batch.num_rows() as u64));
            let mut counts = counts.lock();
            let c = counts.entry(Arc::clone(&d.split)).or_insert(Counts { read: 0, written: 0 });
            c.read += d.rows_read;
            c.written += d.batch.num_rows() as u64;
            reading.files_read.store(counts.len() as u64, Relaxed);
            drop(counts);
            nulled.lock().iter_mut().zip(&d.nulled).for_each(|(sum, n)| *sum += n);
            let rejects = std::mem::take(&mut d.rejects);
            Ok((writing.time(|| raw_batch(&schema, d, ingested_at))?, rejects))
        },
        |_, (batch, rejects)| {
            Meter::add(&meter.rows_rejected, rejects.len() as u64);
            for r in &rejects {
                *per_file.entry(Arc::clone(&r.split)).or_default() += 1;
            }
            if !rejects.is_empty() {
                Meter::add(&setting_aside.rows, rejects.len() as u64);
                setting_aside.time(|| set_aside(rejects))?;
            }
            Ok(batch)
        },
        |seq, batch| {
            Meter::add(&meter.rows_written, batch.num_rows() as u64);
            Meter::add(&writing.rows, batch.num_rows() as u64);
            writing.time(|| writer.write(seq, batch))
        },
    )?;
    let adds = writing.time(|| writer.finish())?;
    let bytes = adds.iter().map(|a| a.size).sum();
    Meter::add(&writing.bytes_written, bytes);
    Meter::add(&meter.bytes_written, bytes);
    let counts = counts.into_inner();
    for (entry, state) in &plan.read {
        let c = counts.get(entry.path.as_str());
        let file = FileState {
            rows_read: c.map_or(0, |c| c.read),
            rows_written: c.map_or(0, |c| c.written),
            rows_quarantined: per_file.get(entry.path.as_str()).copied().unwrap_or(0),
            data_files: adds.iter().filter(|a| a.constant(name::FILE).as_deref() == Some(&entry.path)).map(|a| a.path.clone()).collect(),
            ..state.clone()
        };
        taken.rows_read += file.rows_read;
        taken.rows_written += file.rows_written;
        taken.rows_quarantined += file.rows_quarantined;
        if file.rows_read != file.rows_written + file.rows_quarantined {
            return Err(Error::bug(format!(
                "`{}`: {} rows read, but {} written and {} set aside",
                file.path, file.rows_read, file.rows_written, file.rows_quarantined
            )));
        }
        taken.files.push(file);
    }
    for (column, n) in p.reads.iter().zip(nulled.into_inner()) {
        if n > 0 {
            *taken.nulled.entry(column.name.clone()).or_default() += n;
        }
    }
    taken.adds = adds;
    Ok(taken)
}

pub fn drift(d: Drift) -> tidemill_connect::Drift {
    match d {
        Drift::Evolve => tidemill_connect::Drift::Evolve,
        Drift::Quarantine => tidemill_connect::Drift::Quarantine,
        Drift::Fail => tidemill_connect::Drift::Fail,
    }
}

/// Adds file, line and time of ingestion to decoded rows.
pub fn raw_batch(schema: &SchemaRef, d: Decoded, ingested_at: i64) -> Result<RecordBatch> {
    raw_rows(schema, &d.batch, &d.split, &d.lines, ingested_at)
}

/// The same for rows of one split that somebody else needs too.
pub fn raw_rows(schema: &SchemaRef, batch: &RecordBatch, split: &str, lines: &[u64], ingested_at: i64) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
    columns.push(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(split, rows))));
    columns.push(Arc::new(Int64Array::from_iter_values(lines.iter().map(|l| *l as i64))));
    columns.push(Arc::new(TimestampMicrosecondArray::from_value(ingested_at, rows).with_timezone("UTC")));
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// The ledger's line for rows read now. Rows that older files gave and that stay are not in it.
pub fn ledger(p: &Prepared, taken: &Taken, dropped: &[FileState]) -> LedgerLine {
    let reread: BTreeSet<&str> = taken.files.iter().map(|f| f.path.as_str()).collect();
    let (updated, deleted): (Vec<_>, Vec<_>) = dropped.iter().partition(|f| reread.contains(f.path.as_str()));
    LedgerLine {
        table: p.table.name.clone(),
        edge: "source→raw".into(),
        rows_read: taken.rows_read,
        written: taken.rows_written,
        quarantined: taken.rows_quarantined,
        updated: updated.iter().map(|f| f.rows_written).sum(),
        deleted: deleted.iter().map(|f| f.rows_written).sum(),
        ..LedgerLine::default()
    }
}
