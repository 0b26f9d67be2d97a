//! Profiles by key: what views with one row for each value say of it, kept in a file where a look-up takes microseconds. They are brought up to
//! date in the background; where what is kept is too old, or there is none, the views themselves are asked.

use crate::answers::Question;
use crate::connection::closed;
use crate::data::Data;
use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::server::Served;
use crate::values::{each_row, json_rows};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use futures::StreamExt;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tidemill_core::{Error, Result};
use tidemill_lake::{Found, KeyValue};
use tidemill_project::dashboard::query::{Asked, Kind, quoted, relation};
use tokio::sync::watch;

/// Filling takes at most one part in so many of the time.
const REST: u32 = 4;
/// What is behind is still told, if by no more than this or so many times what filling takes.
const BEHIND_MAX: Duration = Duration::from_secs(60);
const BEHIND_FILLINGS: u32 = 10;
/// Batches that wait to be written.
const WAITING: usize = 2;
/// The key, in the rows that are kept.
const KEY: &str = "~key";

/// A view that has one row for each value of a column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Profile {
    pub view: String,
    pub column: String,
}

/// One row, and until when it knows everything.
pub struct Said {
    /// With their types.
    pub columns: Vec<(String, String)>,
    pub row: Option<Vec<Value>>,
    pub version: String,
    pub as_of_micros: i64,
}

pub struct Profiles {
    path: PathBuf,
    store: Mutex<Option<Arc<KeyValue>>>,
    bytes_max: u64,
    /// Of a project that is followed versions are counted from the start of the process: those of another process mean nothing.
    process: String,
    /// When each was filled last, or why it can't be.
    tries: Mutex<BTreeMap<Profile, Try>>,
    pub counts: Counts,
}

#[derive(Default)]
pub struct Counts {
    pub from_kept: AtomicU64,
    pub from_views: AtomicU64,
    pub fillings: AtomicU64,
    /// Fillings that came to nothing.
    pub failed: AtomicU64,
    pub bytes_written: AtomicU64,
}

struct Try {
    ended: Instant,
    took: Duration,
    /// The version that could not be kept.
    failed: Option<String>,
    /// Somebody asked for what is newer.
    wanted: bool,
}

/// What stands beside the rows that are kept.
#[derive(Serialize, Deserialize)]
struct Mark {
    version: String,
    as_of_micros: i64,
    columns: Vec<(String, String)>,
}

impl Mark {
    fn read(text: &[u8]) -> Option<Mark> {
        serde_json::from_slice(text).ok()
    }
}

impl Profiles {
    pub fn new(data: &dyn Data, limits: &Limits) -> Profiles {
        let about = data.about();
        let process = if about.live { uuid::Uuid::new_v4().simple().to_string() } else { String::new() };
        let (path, bytes_max) = (about.profiles, limits.profile_bytes);
        Profiles { path, store: Mutex::default(), bytes_max, process, tries: Mutex::default(), counts: Counts::default() }
    }

    fn store(&self) -> Option<Arc<KeyValue>> {
        self.store.lock().clone()
    }

    /// The version that is kept beside rows.
    fn version(&self, data: &dyn Data, view: &str) -> Result<String> {
        let version = data.version(view)?;
        Ok(if self.process.is_empty() { version } else { format!("{}-{version}", self.process) })
    }

    /// Work with the file, apart from those who answer. What is damaged is put away.
    async fn with<T: Send + 'static>(&self, work: impl FnOnce(&KeyValue) -> Result<T> + Send + 'static) -> Option<T> {
        let store = self.store()?;
        let told = match tokio::task::spawn_blocking(move || work(&store)).await {
            Ok(Ok(done)) => return Some(done),
            Ok(Err(e)) => e.to_string(),
            Err(e) => e.to_string(),
        };
        tracing::warn!(error = told, "profiles by key cannot be read; they are made anew");
        self.put_away();
        None
    }

    fn put_away(&self) {
        *self.store.lock() = None;
        let _ = std::fs::remove_file(&self.path);
    }

    /// Whether rows of this mark may still be told. That they are behind, or not there, is noted.
    fn is_good(&self, profile: &Profile, mark: Option<&Mark>, now: &str, as_of_micros: i64) -> bool {
        if mark.is_some_and(|m| m.version == now) {
            return true;
        }
        let mut filling = Duration::ZERO;
        if let Some(tried) = self.tries.lock().get_mut(profile) {
            tried.wanted = true;
            filling = tried.took * BEHIND_FILLINGS;
        }
        let Some(mark) = mark else { return false };
        let behind = Duration::from_micros(as_of_micros.saturating_sub(mark.as_of_micros).max(0).unsigned_abs());
        behind <= BEHIND_MAX.max(filling)
    }
}

impl Profile {
    fn set(&self) -> String {
        format!("{} {}", self.column, self.view)
    }

    /// The row of one value.
    fn one(&self, kind: Kind, key: &str) -> Asked {
        let column = quoted(&self.column);
        // A text is compared as it is, so that files without it are not read.
        let column = if kind == Kind::Text { column } else { format!("CAST({column} AS VARCHAR)") };
        let sql = format!("SELECT *\nFROM {}\nWHERE {column} = CAST($1 AS VARCHAR)\nLIMIT 1", relation(&self.view));
        Asked { sql, params: vec![key.to_string()] }
    }

    /// Values that begin like this.
    fn like(&self, prefix: &str, limit: usize) -> Asked {
        let column = format!("CAST({} AS VARCHAR)", quoted(&self.column));
        let sql = format!(
            "SELECT DISTINCT {column} AS \"key\"\nFROM {}\nWHERE starts_with({column}, CAST($1 AS VARCHAR))\nORDER BY 1\nLIMIT {limit}",
            relation(&self.view)
        );
        Asked { sql, params: vec![prefix.to_string()] }
    }

    /// All rows by their keys, in the order of the file.
    fn all(&self) -> String {
        let column = quoted(&self.column);
        format!("SELECT CAST({column} AS VARCHAR) AS \"{KEY}\", *\nFROM {}\nWHERE {column} IS NOT NULL\nORDER BY 1", relation(&self.view))
    }
}

impl Served {
    /// What each of these views says of a value, in their order.
    pub async fn profiles_of(&self, all: &[Profile], key: &str) -> std::result::Result<Vec<Said>, Refusal> {
        let (sets, asked) = (all.iter().map(Profile::set).collect::<Vec<_>>(), key.to_string());
        let found = self.profiles.with(move |store| sets.iter().map(|set| store.get(set, &asked)).collect::<Result<Vec<_>>>()).await;
        let mut found = found.unwrap_or_default().into_iter();
        let mut said = Vec::with_capacity(all.len());
        for profile in all {
            said.push(self.profile(profile, key, found.next().flatten()).await?);
        }
        Ok(said)
    }

    /// What a view says of a value, of which this is kept.
    async fn profile(&self, profile: &Profile, key: &str, found: Option<Found>) -> std::result::Result<Said, Refusal> {
        let now = self.profiles.version(&*self.data, &profile.view)?;
        let mark = found.as_ref().and_then(|f| Mark::read(&f.mark));
        if self.profiles.is_good(profile, mark.as_ref(), &now, self.data.as_of_micros())
            && let (Some(found), Some(Mark { version, as_of_micros, columns })) = (found, mark)
        {
            self.profiles.counts.from_kept.fetch_add(1, Ordering::Relaxed);
            // What has not changed since is as of now.
            let as_of_micros = if version == now { self.data.as_of_micros() } else { as_of_micros };
            let row = found.row.map(|r| serde_json::from_slice(&r)).transpose().map_err(|e| Error::bug(e.to_string()))?;
            return Ok(Said { columns, row, version, as_of_micros });
        }
        self.profiles.counts.from_views.fetch_add(1, Ordering::Relaxed);
        let columns = self.columns(&profile.view);
        let kind = columns.iter().find(|(name, _)| *name == profile.column).map_or(Kind::Text, |(_, kind)| *kind);
        let Asked { sql, params } = profile.one(kind, key);
        let answer = self.answers.ask(&profile.view, Question { sql, params, rows_max: 1 }).await?;
        let columns = columns.into_iter().map(|(name, kind)| (name, kind.as_str().to_string())).collect();
        Ok(Said { columns, row: json_rows(&answer.rows)?.pop(), version: now, as_of_micros: answer.as_of_micros })
    }

    /// Values that begin like this, of what is kept or else of the view.
    pub async fn keys_like(&self, profile: &Profile, prefix: &str, limit: usize) -> std::result::Result<Vec<String>, Refusal> {
        let version = self.profiles.version(&*self.data, &profile.view)?;
        let (set, begin) = (profile.set(), prefix.to_string());
        let kept = self.profiles.with(move |store| Ok((store.mark(&set)?, store.keys(&set, &begin, limit)?))).await;
        let (mark, keys) = kept.unwrap_or_default();
        let mark = mark.and_then(|m| Mark::read(&m));
        if self.profiles.is_good(profile, mark.as_ref(), &version, self.data.as_of_micros()) {
            return Ok(keys);
        }
        let Asked { sql, params } = profile.like(prefix, limit);
        let answer = self.answers.ask(&profile.view, Question { sql, params, rows_max: limit }).await?;
        let keys = json_rows(&answer.rows)?.into_iter().filter_map(|row| row.into_iter().next());
        Ok(keys.filter_map(|key| key.as_str().map(str::to_string)).collect())
    }

    /// Every profile of every entity, each once.
    fn all_profiles(&self) -> BTreeSet<Profile> {
        let entities: BTreeSet<String> = self.dashboards.read().iter().filter_map(|d| d.entity.as_ref().map(|e| e.value.clone())).collect();
        let of = |column: String| self.data.profiles(&column).into_iter().map(move |view| Profile { view, column: column.clone() });
        entities.into_iter().flat_map(of).collect()
    }
}

/// Keeps profiles up to date until `closing` says so.
pub async fn keep(served: Arc<Served>, mut closing: watch::Receiver<bool>) {
    let mut look = tokio::time::interval(served.limits.look_profiles);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut told_in_use = false;
    loop {
        tokio::select! {
            () = closed(&mut closing) => return,
            _ = look.tick() => {}
        }
        let all = served.all_profiles();
        if all.is_empty() || !served.data.is_ready() {
            continue;
        }
        if served.profiles.store().is_none() {
            match open(&served.profiles.path, &all).await {
                Ok(Some(store)) => *served.profiles.store.lock() = Some(Arc::new(store)),
                Ok(None) if !told_in_use => {
                    told_in_use = true;
                    tracing::info!("another process keeps profiles by key of this project; here the views are asked");
                }
                Ok(None) => {}
                Err(e) => {
                    tracing::warn!(error = %e, "profiles by key cannot be kept");
                    tokio::select! {
                        () = closed(&mut closing) => return,
                        () = tokio::time::sleep(BEHIND_MAX) => {}
                    }
                }
            }
            continue;
        }
        for profile in all {
            tokio::select! {
                () = closed(&mut closing) => return,
                rest = up_to_date(&served, &profile) => tokio::select! {
                    () = closed(&mut closing) => return,
                    () = tokio::time::sleep(rest) => {}
                }
            }
        }
    }
}

async fn open(path: &std::path::Path, wanted: &BTreeSet<Profile>) -> Result<Option<KeyValue>> {
    let (path, sets) = (path.to_path_buf(), wanted.iter().map(Profile::set).collect::<Vec<_>>());
    let opened = tokio::task::spawn_blocking(move || {
        let Some(store) = KeyValue::open(&path)? else { return Ok(None) };
        store.keep_only(&sets)?;
        Ok(Some(store))
    });
    opened.await.map_err(|e| Error::bug(e.to_string()))?
}

/// Fills what is behind, if somebody wants it and it was not done a moment ago. How long there is to be rest then: with the first filling of
/// a view nobody waits for another.
#[allow(clippy::disallowed_methods)] // how long filling takes says how often it is done
async fn up_to_date(served: &Arc<Served>, profile: &Profile) -> Duration {
    let profiles = &served.profiles;
    let Ok(version) = profiles.version(&*served.data, &profile.view) else { return Duration::ZERO };
    {
        let tries = profiles.tries.lock();
        if let Some(tried) = tries.get(profile)
            && (!tried.wanted || tried.failed.as_ref() == Some(&version) || tried.ended.elapsed() < tried.took * REST)
        {
            return Duration::ZERO;
        }
    }
    let set = profile.set();
    let Some(mark) = profiles.with(move |store| store.mark(&set)).await else { return Duration::ZERO };
    let mark = mark.and_then(|m| Mark::read(&m));
    let is_first = mark.is_none();
    let began = Instant::now();
    let mut failed = None;
    if mark.is_none_or(|m| m.version != version)
        && let Err(e) = fill(served, profile, &version).await
    {
        tracing::warn!(view = profile.view, error = %e, "profiles by key are not kept of this view; it is asked itself");
        failed = Some(version);
    }
    let took = began.elapsed();
    let is_done = failed.is_none();
    profiles.tries.lock().insert(profile.clone(), Try { ended: Instant::now(), took, failed, wanted: false });
    profiles.counts.failed.fetch_add(u64::from(!is_done), Ordering::Relaxed);
    if is_first && is_done { Duration::ZERO } else { took * REST }
}

async fn fill(served: &Arc<Served>, profile: &Profile, version: &str) -> Result<()> {
    let profiles = &served.profiles;
    let Some(store) = profiles.store() else { return Ok(()) };
    // Before the rows are read: they may be newer than it says, never older.
    let as_of_micros = served.data.as_of_micros();
    let mut rows = served.data.stream(&profile.all()).await?;
    let columns = served.columns(&profile.view).into_iter().map(|(name, kind)| (name, kind.as_str().to_string())).collect();
    let mark = Mark { version: version.to_string(), as_of_micros, columns };
    let mark = serde_json::to_vec(&mark).map_err(|e| Error::bug(e.to_string()))?;
    let (send, mut receive) = tokio::sync::mpsc::channel::<Option<RecordBatch>>(WAITING);
    let (set, bytes_max) = (profile.set(), profiles.bytes_max);
    let writing = tokio::task::spawn_blocking(move || {
        store.fill(&set, &mark, bytes_max, || match receive.blocking_recv() {
            Some(Some(batch)) => keyed(&batch).map(Some),
            Some(None) => Ok(None),
            // Whoever read the rows is gone, before they were all read.
            None => Err(Error::unavailable("the rows could not be read to their end")),
        })
    });
    let mut broken = None;
    while let Some(batch) = rows.next().await {
        match batch {
            Ok(batch) => {
                if send.send(Some(batch)).await.is_err() {
                    break;
                }
            }
            Err(e) => {
                broken = Some(e);
                break;
            }
        }
    }
    if broken.is_none() {
        let _ = send.send(None).await;
    }
    drop(send);
    let filled = writing.await.map_err(|e| Error::bug(e.to_string()))?;
    if let Some(e) = broken {
        return Err(e);
    }
    let filled = filled?;
    profiles.counts.fillings.fetch_add(1, Ordering::Relaxed);
    profiles.counts.bytes_written.fetch_add(filled.bytes_written, Ordering::Relaxed);
    tracing::debug!(
        view = profile.view,
        rows = filled.rows,
        bytes = filled.bytes,
        written = filled.bytes_written,
        "profiles are up to date"
    );
    Ok(())
}

/// Each row as JSON, by its key: the first column.
fn keyed(batch: &RecordBatch) -> Result<Vec<(String, Vec<u8>)>> {
    let Some(keys) = batch.columns().first() else { return Ok(Vec::new()) };
    let keys = arrow::compute::cast(keys, &DataType::Utf8)?;
    let keys = keys.as_string::<i32>();
    let mut rows = Vec::with_capacity(batch.num_rows());
    each_row(&batch.columns()[1..], batch.num_rows(), |i, row| {
        if keys.is_valid(i) {
            rows.push((keys.value(i).to_string(), row.to_vec()));
        }
    })?;
    Ok(rows)
}
