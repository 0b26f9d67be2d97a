//! Whole recipes over small tables, read from TOML as a project would have them.

mod contract;
mod invariance;
mod marketing;
mod passes;
mod problems;
mod reads;
mod stored;
mod streams;

use crate::{Applied, ApplyContext, Change, Contract, FitContext, Fitted, QualityCount, Recipe, RowSink};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tidemill_core::{Decoded, Meter, Morsel, Problem, Reject, Result, RowText, Scan};
use tidemill_engine::{Catalog, Engine, EngineOptions, Session};
use tidemill_project::spec::Table;

/// A table's specification from the part of its file that matters.
pub(crate) fn table(toml: &str) -> Table {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("tables")).unwrap();
    std::fs::write(dir.path().join("tidemill.toml"), "name = \"t\"\n").unwrap();
    // Top-level keys come first in TOML, so [source] goes last.
    std::fs::write(dir.path().join("tables/t.toml"), format!("{toml}\n[source]\nconnector = \"files\"\npath = \"x.csv\"\n")).unwrap();
    let (project, problems) = tidemill_project::load(dir.path(), &tidemill_project::Environment::default());
    assert!(problems.iter().all(|p| p.code == "TM0308"), "{problems:#?}");
    project.tables.into_iter().next().unwrap()
}

pub(crate) fn engine(memory_limit: Option<u64>) -> Engine {
    Engine::new(EngineOptions { threads: 1, memory_limit, ..EngineOptions::default() }).unwrap()
}

pub(crate) fn session() -> Session {
    static SESSION: OnceLock<Session> = OnceLock::new();
    SESSION.get_or_init(|| engine(None).session(Catalog::default()).unwrap()).clone()
}

/// Rows in memory, cut into morsels.
pub(crate) struct Chunks {
    pub batch: RecordBatch,
    pub rows: usize,
    at: Mutex<usize>,
}

struct Chunk {
    batch: RecordBatch,
    from: usize,
}

struct Numbered(usize);

impl RowText for Numbered {
    fn text(&self, row: usize) -> String {
        format!("row {}", self.0 + row)
    }
    fn offset(&self, row: usize) -> u64 {
        (self.0 + row) as u64
    }
}

impl Chunks {
    pub(crate) fn new(batch: &RecordBatch, rows: usize) -> Self {
        Chunks { batch: batch.clone(), rows, at: Mutex::new(0) }
    }
}

impl Scan for Chunks {
    fn schema(&self) -> SchemaRef {
        self.batch.schema()
    }
    fn next(&self) -> Result<Option<Box<dyn Morsel>>> {
        let mut at = self.at.lock();
        let from = *at;
        if from >= self.batch.num_rows() {
            return Ok(None);
        }
        let n = self.rows.min(self.batch.num_rows() - from);
        *at += n;
        Ok(Some(Box::new(Chunk { batch: self.batch.slice(from, n), from })))
    }
    fn total_bytes(&self) -> Option<u64> {
        Some(self.batch.get_array_memory_size() as u64)
    }
}

impl Morsel for Chunk {
    fn decode(self: Box<Self>) -> Result<Decoded> {
        let n = self.batch.num_rows();
        Ok(Decoded {
            split: "x.csv".into(),
            lines: (0..n as u64).map(|i| self.from as u64 + i + 2).collect(),
            rejects: Vec::new(),
            rows_read: n as u64,
            bytes_read: 0,
            nulled: vec![0; self.batch.num_columns()],
            text: Arc::new(Numbered(self.from)),
            batch: self.batch,
        })
    }
}

/// How a recipe is run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    pub morsel: usize,
    pub threads: usize,
    pub cache: u64,
}

pub(crate) const PLAIN: How = How { morsel: 3, threads: 2, cache: 1 << 20 };

#[derive(Default)]
struct Gathered(Mutex<BTreeMap<u64, RecordBatch>>);

impl RowSink for Gathered {
    fn write(&self, seq: u64, batch: RecordBatch) -> Result<()> {
        assert!(self.0.lock().insert(seq, batch).is_none(), "morsel {seq} written twice");
        Ok(())
    }
}

pub(crate) struct Ran {
    pub batch: RecordBatch,
    pub applied: Applied,
    pub rejects: Vec<Reject>,
    pub fitted: Fitted,
}

pub(crate) fn compile(table: &Table, input: &RecordBatch) -> Recipe {
    let (recipe, problems) = Recipe::compile(table, input.schema(), &session());
    assert!(problems.is_empty(), "{problems:#?}");
    recipe
}

pub(crate) fn fit(recipe: &Recipe, input: &RecordBatch, how: How, contract: Option<&Contract>) -> Result<Fitted> {
    let project = |columns: Option<&[String]>| chunks(input, how, columns);
    recipe.fit(&FitContext {
        scan: &project,
        references: BTreeMap::from([(("clean.countries".into(), "name".into()), vec!["France".into(), "Germany".into()])]),
        base_dir: Path::new("."),
        threads: how.threads,
        meter: &Meter::default(),
        memory: engine(None).memory(),
        scratch: &std::env::temp_dir(),
        cache_bytes: how.cache,
        contract,
    })
}

fn chunks(input: &RecordBatch, how: How, columns: Option<&[String]>) -> Result<Box<dyn Scan>> {
    let batch = match columns {
        Some(names) => input.project(&names.iter().map(|n| input.schema().index_of(n).unwrap()).collect::<Vec<_>>())?,
        None => input.clone(),
    };
    Ok(Box::new(Chunks::new(&batch, how.morsel)))
}

pub(crate) fn apply(
    fitted: &Fitted,
    input: &RecordBatch,
    how: How,
    contract: Option<&Contract>,
) -> Result<(RecordBatch, Applied, Vec<Reject>)> {
    let scan = |columns: Option<&[String]>| chunks(input, how, columns);
    let sink = Gathered::default();
    let rejects = Mutex::new(Vec::new());
    let applied = fitted.apply(&ApplyContext {
        scan: &scan,
        sink: &sink,
        rejects: &|r| {
            rejects.lock().extend(r);
            Ok(())
        },
        threads: how.threads,
        meter: &Meter::default(),
        memory: engine(None).memory(),
        scratch: &std::env::temp_dir(),
        contract,
        samples: 100,
    })?;
    let batches = sink.0.into_inner();
    let batch = arrow::compute::concat_batches(&fitted.schema(), batches.values())?;
    assert_eq!(batch.num_rows() as u64, applied.written);
    Ok((batch, applied, rejects.into_inner()))
}

pub(crate) fn run_how(toml: &str, input: &RecordBatch, how: How) -> Result<Ran> {
    let recipe = compile(&table(toml), input);
    let fitted = fit(&recipe, input, how, None)?;
    let (batch, applied, rejects) = apply(&fitted, input, how, None)?;
    Ok(Ran { batch, applied, rejects, fitted })
}

pub(crate) fn run(toml: &str, input: &RecordBatch) -> Ran {
    run_how(toml, input, PLAIN).unwrap()
}

/// The problems of a table over these rows.
pub(crate) fn problems(toml: &str, input: &RecordBatch) -> Vec<Problem> {
    Recipe::compile(&table(toml), input.schema(), &session()).1
}

impl Ran {
    /// A column as text, NULL as `-`.
    pub(crate) fn column(&self, name: &str) -> Vec<String> {
        shown(&self.batch, name)
    }
    pub(crate) fn line(&self, name: &str) -> String {
        self.column(name).join(" ")
    }
    pub(crate) fn floats(&self, name: &str) -> Vec<f64> {
        self.batch
            .column_by_name(name)
            .unwrap()
            .as_primitive::<arrow::datatypes::Float64Type>()
            .iter()
            .map(|v| v.unwrap_or(f64::NAN))
            .collect()
    }
    pub(crate) fn quality(&self, rule: &str, column: Option<&str>) -> &QualityCount {
        self.applied.quality.iter().find(|q| q.rule == rule && q.column.as_deref() == column).unwrap()
    }
    pub(crate) fn changes(&self, rule: &str) -> Vec<&Change> {
        self.applied.changes.iter().filter(|c| c.rule == rule).collect()
    }
    pub(crate) fn names(&self) -> Vec<String> {
        self.batch.schema().fields().iter().map(|f| f.name().clone()).collect()
    }
    pub(crate) fn fitted_value(&self, column: &str, name: &str) -> String {
        self.fitted.describe().into_iter().find(|v| v.column == column && v.name == name).unwrap().value
    }
}

pub(crate) fn shown(batch: &RecordBatch, name: &str) -> Vec<String> {
    let column = batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    (0..column.len()).map(|i| crate::cells::text_of(column.as_ref(), i).unwrap_or_else(|| "-".into())).collect()
}

/// A batch from texts: `-` is NULL, and each column has a type.
pub(crate) fn rows(columns: &[(&str, DataType, &str)]) -> RecordBatch {
    let made = columns.iter().map(|(name, t, text)| {
        let cells: Vec<Option<&str>> = text.split_whitespace().map(|w| (w != "-").then_some(w)).collect();
        let column: ArrayRef = Arc::new(arrow::array::StringArray::from(cells));
        (*name, crate::cells::cast_strictly(&column, t).unwrap(), true)
    });
    RecordBatch::try_from_iter_with_nullable(made).unwrap()
}

/// A text column of cells that may hold blanks.
pub(crate) fn words(name: &str, cells: &[Option<&str>]) -> RecordBatch {
    let column: ArrayRef = Arc::new(arrow::array::StringArray::from(cells.to_vec()));
    RecordBatch::try_from_iter_with_nullable([(name, column, true)]).unwrap()
}
