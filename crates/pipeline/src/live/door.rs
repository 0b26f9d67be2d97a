//! The door of a served project: a socket of the local machine, for its user only, through which other processes ask what only this one
//! knows, the newest rows, and have done what only this one may do. One question a connection: a line of JSON, answered by a line of JSON and, for SQL, an Arrow stream.

use super::Following;
use super::seal::Asked;
use super::status::Figures;
use crate::quarantine::QuarantineFilter;
use crate::reading::Reading;
use crate::report::{ReplayReport, Rows, SavepointReport};
use crate::workspace::Workspace;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;
use tidemill_core::{Error, ErrorKind, Result};
use tokio::runtime::Handle;

/// Where the door is told of, beside the lease.
const RECORD: &str = "door.json";
/// A question that is not asked within this time is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// A savepoint waits for the epoch before, and for one of its own.
const SAVEPOINT_PATIENCE: Duration = Duration::from_secs(120);
const QUESTION_BYTES_MAX: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
struct Record {
    socket: PathBuf,
    pid: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
enum Question {
    Sql { sql: String, limit: Option<usize> },
    Figures,
    Savepoint { name: String },
    Replay { table: String, code: Option<String>, column: Option<String> },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
enum Answer {
    Rows { truncated: bool, elapsed_micros: u64 },
    Figures { figures: Box<Figures> },
    Savepoint { savepoint: SavepointReport },
    Replayed { report: ReplayReport },
    Refused { kind: String, what: String, help: Option<String> },
}

/// Open as long as it lives.
pub struct Door {
    socket: PathBuf,
    closing: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Door {
    pub(crate) fn open(ws: &Arc<Workspace>, following: &Following) -> Result<Door> {
        let socket = place(ws.lake.location())?;
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket)
            .map_err(|e| Error::unavailable("cannot open the local socket").at(socket.display().to_string()).because(e))?;
        let own = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&socket, own).map_err(|e| Error::unavailable("cannot protect the local socket").because(e))?;
        ws.lake.put_state(RECORD, &Record { socket: socket.clone(), pid: std::process::id() })?;
        let closing = Arc::new(AtomicBool::new(false));
        let (ws, following, stop, runtime) = (Arc::clone(ws), following.clone(), Arc::clone(&closing), Handle::current());
        let thread = std::thread::Builder::new()
            .name("door".into())
            .spawn(move || {
                for visitor in listener.incoming() {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let Ok(visitor) = visitor else { continue };
                    let (ws, following) = (Arc::clone(&ws), following.clone());
                    let inner = runtime.clone();
                    // Each has a thread: a slow reader holds nobody up.
                    let spawned = std::thread::Builder::new().name("visitor".into()).stack_size(8 << 20).spawn(move || {
                        if let Err(e) = receive(&ws, &following, &inner, &visitor) {
                            tracing::debug!(error = %e, "a visitor left");
                        }
                    });
                    if let Err(e) = spawned {
                        tracing::warn!(error = %e, "a visitor could not be received");
                    }
                }
            })
            .map_err(|e| Error::unavailable("cannot start a thread").because(e))?;
        Ok(Door { socket, closing, thread: Some(thread) })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = UnixStream::connect(&self.socket);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// A path short enough for a socket, the same for every process of this user that means this lake.
fn place(lake: &Path) -> Result<PathBuf> {
    let base = std::env::var_os("XDG_RUNTIME_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    // SAFETY: getuid can't fail and touches no memory.
    let dir = base.join(format!("tidemill-{}", unsafe { libc::getuid() }));
    let fail =
        |e: std::io::Error| Error::unavailable("cannot make a directory for the local socket").at(dir.display().to_string()).because(e);
    match std::fs::create_dir(&dir) {
        Ok(()) => std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o700)).map_err(fail)?,
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            let meta = std::fs::symlink_metadata(&dir).map_err(fail)?;
            // SAFETY: as above.
            let own = std::os::unix::fs::MetadataExt::uid(&meta) == unsafe { libc::getuid() };
            if !meta.is_dir() || !own || meta.permissions().mode() & 0o077 != 0 {
                return Err(Error::config("the directory for the local socket is open to others").at(dir.display().to_string()));
            }
        }
        Err(e) => return Err(fail(e)),
    }
    let whole = lake.canonicalize().unwrap_or_else(|_| lake.to_path_buf());
    Ok(dir.join(format!("{}.sock", &crate::fingerprint::hash(&whole.display().to_string())[..16])))
}

fn receive(ws: &Arc<Workspace>, following: &Following, runtime: &Handle, visitor: &UnixStream) -> Result<()> {
    let gone = |e: std::io::Error| Error::unavailable("the visitor is gone").because(e);
    visitor.set_read_timeout(Some(PATIENCE)).map_err(gone)?;
    let mut line = String::new();
    BufReader::new(visitor.take(QUESTION_BYTES_MAX)).read_line(&mut line).map_err(gone)?;
    let mut out = std::io::BufWriter::new(visitor);
    let question: Question = match serde_json::from_str(&line) {
        Ok(q) => q,
        Err(e) => return write_line(&mut out, &refused(&Error::config(format!("not a question: {e}")))),
    };
    match question {
        Question::Figures => {
            let figures = following.figures.lock().clone();
            write_line(&mut out, &Answer::Figures { figures: Box::new(figures) })
        }
        Question::Savepoint { name } => match savepoint(following, name) {
            Ok(savepoint) => write_line(&mut out, &Answer::Savepoint { savepoint }),
            Err(e) => write_line(&mut out, &refused(&e)),
        },
        Question::Replay { table, code, column } => {
            let filter = QuarantineFilter { code, column, ..QuarantineFilter::default() };
            match runtime.block_on(ws.replay_followed(&following.orders, &table, &filter)) {
                Ok(report) => write_line(&mut out, &Answer::Replayed { report }),
                Err(e) => write_line(&mut out, &refused(&e)),
            }
        }
        Question::Sql { sql, limit } => match runtime.block_on(ws.query_hot(following, &sql, limit)) {
            Err(e) => write_line(&mut out, &refused(&e)),
            Ok(rows) => {
                write_line(&mut out, &Answer::Rows { truncated: rows.truncated, elapsed_micros: rows.elapsed.as_micros() as u64 })?;
                let mut stream = StreamWriter::try_new(&mut out, &rows.schema)?;
                for batch in &rows.batches {
                    stream.write(batch)?;
                }
                stream.finish()?;
                drop(stream);
                out.flush().map_err(gone)
            }
        },
    }
}

/// Has the mill make one with its next epoch, and waits for it.
fn savepoint(following: &Following, name: String) -> Result<SavepointReport> {
    let (tell, told) = channel();
    following.asked.lock().push(Asked { name, tell });
    match told.recv_timeout(SAVEPOINT_PATIENCE) {
        Ok(made) => made,
        Err(_) => Err(Error::unavailable("no savepoint was made: the project is not followed just now").help("try again")),
    }
}

fn refused(e: &Error) -> Answer {
    Answer::Refused { kind: format!("{:?}", e.kind), what: e.what.clone(), help: e.help.clone() }
}

fn write_line(out: &mut impl Write, answer: &Answer) -> Result<()> {
    let text = serde_json::to_string(answer).map_err(|e| Error::bug(e.to_string()))?;
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|e| Error::unavailable("the visitor is gone").because(e))
}

/// A way to whoever serves a project.
pub struct Visit {
    socket: PathBuf,
}

impl Workspace {
    /// The way to the process that serves this project; `None` when nobody does.
    pub fn visit(&self) -> Result<Option<Visit>> {
        if self.lake.owner()?.is_none_or(|o| o.command != "serve") {
            return Ok(None);
        }
        let record: Option<Record> = self.lake.get_state(RECORD)?;
        // It may still be on its way up.
        Ok(record.filter(|r| UnixStream::connect(&r.socket).is_ok()).map(|r| Visit { socket: r.socket }))
    }

    /// Asks over the newest rows too.
    pub(crate) async fn query_hot(&self, following: &Following, sql: &str, limit: Option<usize>) -> Result<Rows> {
        let tables = following.figures.lock().tables()?;
        let session = self.session_hot(&following.hot, Reading::AsDeclared, tables).await?;
        Self::query_in(&session, sql, limit).await
    }
}

impl Visit {
    pub fn query(&self, sql: &str, limit: Option<usize>) -> Result<Rows> {
        let (answer, mut rest) = self.ask(&Question::Sql { sql: sql.to_string(), limit })?;
        let Answer::Rows { truncated, elapsed_micros } = answer else { return Err(unexpected()) };
        let mut reader = StreamReader::try_new(&mut rest, None)?;
        let schema = reader.schema();
        let batches = reader.by_ref().collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(Rows { schema, batches, truncated, elapsed: Duration::from_micros(elapsed_micros) })
    }

    pub fn figures(&self) -> Result<Figures> {
        match self.ask(&Question::Figures)?.0 {
            Answer::Figures { figures } => Ok(*figures),
            _ => Err(unexpected()),
        }
    }

    /// A savepoint of this moment.
    pub fn savepoint(&self, name: &str) -> Result<SavepointReport> {
        match self.ask(&Question::Savepoint { name: name.to_string() })?.0 {
            Answer::Savepoint { savepoint } => Ok(savepoint),
            _ => Err(unexpected()),
        }
    }

    /// Has rows that were set aside tried again, under the rules that the project is followed by, and what depends on them brought up to date.
    pub fn replay(&self, table: &str, filter: &QuarantineFilter) -> Result<ReplayReport> {
        let question = Question::Replay { table: table.to_string(), code: filter.code.clone(), column: filter.column.clone() };
        match self.ask(&question)?.0 {
            Answer::Replayed { report } => Ok(report),
            _ => Err(unexpected()),
        }
    }

    fn ask(&self, question: &Question) -> Result<(Answer, BufReader<UnixStream>)> {
        let gone = |e: std::io::Error| Error::unavailable("the process that serves this project does not answer").because(e);
        let mut stream = UnixStream::connect(&self.socket).map_err(gone)?;
        let text = serde_json::to_string(question).map_err(|e| Error::bug(e.to_string()))?;
        writeln!(stream, "{text}").map_err(gone)?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).map_err(gone)?;
        match serde_json::from_str(&line) {
            Ok(Answer::Refused { kind, what, help }) => {
                let mut e = Error { kind: kind_named(&kind), ..Error::config(what) };
                e.help = help;
                Err(e)
            }
            Ok(answer) => Ok((answer, reader)),
            Err(_) => Err(unexpected()),
        }
    }
}

fn unexpected() -> Error {
    Error::conflict("the process that serves this project speaks another language").help("it may be of another version: restart it")
}

fn kind_named(name: &str) -> ErrorKind {
    [ErrorKind::Config, ErrorKind::Data, ErrorKind::Unavailable, ErrorKind::Conflict, ErrorKind::Limit]
        .into_iter()
        .find(|k| format!("{k:?}") == name)
        .unwrap_or(ErrorKind::Bug)
}
