//! One checkpoint as bytes.
//!
//! ```text
//! tidemill live view, format 1
//! engine 55.2.0
//! view <hash of SQL, settings and inputs>
//! operator <fingerprint> <number of batches> <name>
//! …
//! <empty line>
//! <length as 8 bytes> <Arrow IPC stream>  …
//! ```

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use std::fmt::Write as _;
use tidemill_core::{Error, Result};

const FIRST: &str = "tidemill live view, format 1";
const FORMAT: &str = "tidemill live view, format ";

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    pub(crate) fingerprint: String,
    pub(crate) name: String,
    pub(crate) state: Vec<RecordBatch>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Checkpoint {
    pub(crate) view: String,
    pub(crate) parts: Vec<Part>,
}

impl Checkpoint {
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut header = format!("{FIRST}\nengine {}\nview {}\n", datafusion::DATAFUSION_VERSION, self.view);
        for part in &self.parts {
            let _ = writeln!(header, "operator {} {} {}", part.fingerprint, part.state.len(), part.name.replace('\n', " "));
        }
        header.push('\n');
        let mut bytes = header.into_bytes();
        for state in self.parts.iter().flat_map(|p| &p.state) {
            let mut stream = StreamWriter::try_new(Vec::new(), state.schema_ref())?;
            stream.write(state)?;
            stream.finish()?;
            let stream = stream.into_inner()?;
            bytes.extend((stream.len() as u64).to_le_bytes());
            bytes.extend(stream);
        }
        Ok(bytes)
    }

    /// `Ok(None)`: it was made by another version of the engine, whose states may mean something else.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Option<Checkpoint>> {
        let head = Head::read(bytes)?;
        if head.engine != datafusion::DATAFUSION_VERSION {
            return Ok(None);
        }
        let mut rest = head.rest;
        let mut parts = Vec::new();
        for operator in head.operators {
            let mut state = Vec::with_capacity(operator.batches);
            for _ in 0..operator.batches {
                let (length, after) = rest.split_first_chunk::<8>().ok_or_else(torn)?;
                let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| torn())?;
                let stream = after.get(..length).ok_or_else(torn)?;
                rest = &after[length..];
                let mut batches = StreamReader::try_new(stream, None)?.collect::<Result<Vec<_>, _>>()?;
                state.push(batches.pop().ok_or_else(torn)?);
            }
            parts.push(Part { fingerprint: operator.fingerprint, name: operator.name, state });
        }
        Ok(Some(Checkpoint { view: head.view, parts }))
    }
}

/// What a checkpoint says of itself, without its states.
pub(crate) struct Head<'a> {
    pub(crate) engine: String,
    pub(crate) view: String,
    pub(crate) operators: Vec<Saved>,
    rest: &'a [u8],
}

pub(crate) struct Saved {
    pub(crate) fingerprint: String,
    pub(crate) name: String,
    batches: usize,
}

impl Head<'_> {
    pub(crate) fn read(bytes: &[u8]) -> Result<Head<'_>> {
        let end = bytes.windows(2).position(|w| w == b"\n\n").ok_or_else(torn)?;
        let header = std::str::from_utf8(&bytes[..end]).map_err(|_| torn())?;
        let mut lines = header.lines();
        let first = lines.next().unwrap_or_default();
        if first != FIRST {
            return Err(match first.strip_prefix(FORMAT) {
                Some(format) => Error::config(format!("a checkpoint has format {format}, and this program knows format 1"))
                    .help("use the program that wrote it, or a newer one"),
                None => torn(),
            });
        }
        let engine = lines.next().and_then(|l| l.strip_prefix("engine ")).ok_or_else(torn)?.to_string();
        let view = lines.next().and_then(|l| l.strip_prefix("view ")).ok_or_else(torn)?.to_string();
        let operators = lines.map(|line| {
            let mut words = line.strip_prefix("operator ").ok_or_else(torn)?.splitn(3, ' ');
            let (fingerprint, count, name) = (words.next(), words.next(), words.next());
            let (Some(fingerprint), Some(batches)) = (fingerprint, count.and_then(|c| c.parse::<usize>().ok())) else { return Err(torn()) };
            Ok(Saved { fingerprint: fingerprint.to_string(), name: name.unwrap_or_default().to_string(), batches })
        });
        Ok(Head { engine, view, operators: operators.collect::<Result<_>>()?, rest: &bytes[end + 2..] })
    }
}

fn torn() -> Error {
    Error::data("a checkpoint ends too early, or is none").help("an older one may be whole; else the view is rebuilt from its tables")
}
