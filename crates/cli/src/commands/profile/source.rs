//! What is profiled: files as they are, or a table or view of a project.

use crate::args::ProfileArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::progress;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::StreamExt;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tidemill_connect::{OptionValue, Options, ScanOptions, infer};
use tidemill_core::name::{FILE, INGESTED_AT, LINE};
use tidemill_core::problem::did_you_mean;
use tidemill_core::{ColumnRead, Decoded, Error, ErrorKind, Meter, Morsel, OnInvalid, Result, RowText, Scan};
use tidemill_engine::query::BatchStream;
use tidemill_pipeline::{RunEvent, reading_findings};
use tidemill_prepare::profile::Finding;

/// Rows gathered into one morsel of a table.
const MORSEL_ROWS: usize = 65_536;
/// Small enough that a file of some tens of megabytes keeps every thread busy.
const MORSEL_BYTES: usize = 4 << 20;

pub struct Opened {
    pub name: String,
    pub scan: Box<dyn Scan>,
    /// What the source calls its columns.
    pub labels: BTreeMap<String, String>,
    /// The name of a column that a person called so.
    pub rename: Box<dyn Fn(&str) -> String>,
    pub threads: usize,
    /// What the way the source is written has to tell.
    pub findings: Vec<Finding>,
}

/// A file that is there comes first, then a pattern, then a table of the project.
pub fn open(args: &ProfileArgs, context: &Context) -> Result<Opened, Failure> {
    let what = args.what.as_str();
    let path = context.resolve(Path::new(what));
    let is_file = path.exists() || what.contains(['*', '?']) || !args.options.is_empty();
    if is_file {
        return files(args, context).map_err(|e| if e.kind == ErrorKind::Data { Failure::Error(e) } else { Failure::Usage(e) });
    }
    if context.resolve(Path::new("tidemill.toml")).exists() {
        return table(args, context);
    }
    let looks_like_a_path = what.contains(['/', '\\']) || Path::new(what).extension().is_some_and(|e| !e.is_empty());
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let there: Vec<String> =
        std::fs::read_dir(dir).map(|d| d.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect()).unwrap_or_default();
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let e = Error::config(format!("there is no file `{what}`"));
    Err(Failure::Usage(match did_you_mean(&name, there.iter().map(String::as_str)) {
        Some(near) => e.help(format!("did you mean `{}`?", path.with_file_name(near).display())),
        None if looks_like_a_path => e.help("give a file, a glob in quotes, or a directory"),
        None => e.help("for a table, name its project: tidemill -C DIR profile clean.orders"),
    }))
}

fn files(args: &ProfileArgs, context: &Context) -> Result<Opened> {
    let mut options: Options = args.options.iter().map(|(k, v)| (k.clone(), value(v))).collect();
    options.insert("path".into(), OptionValue::Text(args.what.clone()));
    let meter = Arc::new(Meter::default());
    let watch = progress::watcher(context);
    watch.on(&RunEvent::StepStarted { step_id: 1, node: args.what.clone(), stage: "infer", meter: Arc::clone(&meter) });
    let mut reading = infer::read(&options, context.dir(), threads(), &meter)?;
    drop(watch);
    // Types are those that a project made from the file would have.
    reading.columns.iter_mut().for_each(infer::Column::type_now);
    let findings = reading_findings(&reading.remarks);
    // A value that does not fit its column's type is counted, and its row kept: a profile is of all rows.
    let columns: Vec<ColumnRead> = reading.columns.into_iter().map(|c| ColumnRead { on_invalid: OnInvalid::Null, ..c.read }).collect();
    let known = |wanted: &str| {
        let found = columns.iter().find(|c| c.name == wanted).or_else(|| columns.iter().find(|c| c.label == wanted));
        found.or_else(|| columns.iter().find(|c| c.name == tidemill_core::name::normalise(wanted))).map(|c| c.name.clone())
    };
    let project = wanted(&args.columns, args.target.as_deref(), &known, columns.iter().map(|c| c.name.as_str()))?;
    let scan =
        reading.source.scan(&reading.entries, &columns, ScanOptions { morsel_bytes: MORSEL_BYTES, project, ..ScanOptions::default() })?;
    let names: BTreeMap<String, String> =
        columns.iter().flat_map(|c| [(c.label.clone(), c.name.clone()), (c.name.clone(), c.name.clone())]).collect();
    Ok(Opened {
        name: args.what.clone(),
        scan,
        labels: columns.iter().map(|c| (c.name.clone(), c.label.clone())).collect(),
        rename: Box::new(move |c| names.get(c).cloned().unwrap_or_else(|| c.to_string())),
        threads: threads(),
        findings,
    })
}

/// `true`, `12` and everything else as text.
fn value(text: &str) -> OptionValue {
    match text {
        "true" => OptionValue::Bool(true),
        "false" => OptionValue::Bool(false),
        _ => text.parse().map_or_else(|_| OptionValue::Text(text.to_string()), OptionValue::Integer),
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The names of the columns asked for, with the one compared by; `None` for all.
fn wanted<'a>(
    asked: &[String],
    target: Option<&str>,
    known: &dyn Fn(&str) -> Option<String>,
    all: impl Iterator<Item = &'a str> + Clone,
) -> Result<Option<Vec<String>>> {
    if asked.is_empty() {
        return Ok(None);
    }
    let mut out: Vec<String> = Vec::new();
    for column in asked.iter().map(String::as_str).chain(target) {
        let name = known(column.trim()).ok_or_else(|| {
            let near = did_you_mean(column, all.clone());
            let list = || all.clone().collect::<Vec<_>>().join(", ");
            Error::config(format!("there is no column `{column}`"))
                .help(near.map_or_else(|| format!("the columns are {}", list()), |n| format!("did you mean `{n}`?")))
        })?;
        if !out.contains(&name) {
            out.push(name);
        }
    }
    Ok(Some(out))
}

fn table(args: &ProfileArgs, context: &Context) -> Result<Opened, Failure> {
    let workspace = context.open_to_ask()?;
    let relations = context.wait(workspace.relations())?;
    let full = |schema: &str, name: &str| if schema == "public" { name.to_string() } else { format!("{schema}.{name}") };
    let what = args.what.strip_prefix("public.").unwrap_or(&args.what);
    let found = relations
        .iter()
        .find(|(schema, name, _)| full(schema, name) == what)
        .or_else(|| relations.iter().find(|(schema, name, _)| schema == "clean" && name == what));
    let Some((schema, name, columns)) = found else {
        let names: Vec<String> = relations.iter().map(|(s, n, _)| full(s, n)).collect();
        let e = Error::config(format!("there is no file and no table `{}`", args.what));
        return Err(Failure::Usage(match did_you_mean(&args.what, names.iter().map(String::as_str)) {
            Some(near) => e.help(format!("did you mean `{near}`?")),
            None => {
                let own: Vec<&str> =
                    names.iter().filter(|n| !n.starts_with("system.") && !n.starts_with("quarantine.")).map(String::as_str).collect();
                e.help(format!("the project has {}", own.join(", ")))
            }
        }));
    };
    let own: Vec<&String> = columns.iter().filter(|c| ![FILE, LINE, INGESTED_AT].contains(&c.as_str())).collect();
    let known = |wanted: &str| columns.iter().find(|c| *c == wanted).cloned();
    let project = wanted(&args.columns, args.target.as_deref(), &known, own.iter().map(|c| c.as_str())).map_err(Failure::Usage)?;
    let project = project.unwrap_or_else(|| own.into_iter().cloned().collect());
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let list: Vec<String> = project.iter().map(|c| quoted(c)).collect();
    let sql = format!("SELECT {} FROM {}.{}", list.join(", "), quoted(schema), quoted(name));
    let (schema_of, stream, handle) = context.wait(async {
        let query = workspace.session(None).await?.query(&sql).await?;
        let stream = query.stream()?;
        Ok((query.schema.clone(), stream, tokio::runtime::Handle::current()))
    })?;
    let scan = Stream { schema: schema_of, stream: Mutex::new(stream), handle };
    Ok(Opened {
        name: full(schema, name),
        scan: Box::new(scan),
        labels: BTreeMap::new(),
        rename: Box::new(str::to_string),
        threads: threads(),
        findings: Vec::new(),
    })
}

/// A query's rows as a scan. They are asked for by one thread at a time, which waits for them.
struct Stream {
    schema: SchemaRef,
    stream: Mutex<BatchStream>,
    handle: tokio::runtime::Handle,
}

impl Scan for Stream {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn next(&self) -> Result<Option<Box<dyn Morsel>>> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batches = Vec::new();
        let mut rows = 0;
        while rows < MORSEL_ROWS
            && let Some(batch) = self.handle.block_on(stream.next()).transpose()?
        {
            rows += batch.num_rows();
            batches.push(batch);
        }
        Ok((!batches.is_empty()).then(|| Box::new(Batches { schema: Arc::clone(&self.schema), batches }) as _))
    }
}

struct Batches {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Morsel for Batches {
    fn decode(self: Box<Self>) -> Result<Decoded> {
        let batch = arrow::compute::concat_batches(&self.schema, &self.batches)?;
        let (rows, bytes) = (batch.num_rows() as u64, batch.get_array_memory_size() as u64);
        Ok(Decoded {
            split: "".into(),
            lines: Vec::new(),
            rejects: Vec::new(),
            rows_read: rows,
            bytes_read: bytes,
            nulled: vec![0; batch.num_columns()],
            batch,
            text: Arc::new(NoText),
        })
    }
}

/// Rows of a table are never rejected, so nobody asks for their text.
struct NoText;

impl RowText for NoText {
    fn text(&self, _: usize) -> String {
        String::new()
    }
    fn offset(&self, _: usize) -> u64 {
        0
    }
}
