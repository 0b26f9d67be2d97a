//! Records in Avro, each with the id of its schema before it: a number of a schema registry, or a fingerprint (single-object encoding).
//!
//! Records of one schema are decoded together. Where one of them is damaged, the decoder's state is of no more use; then each is tried by itself, and the
//! sound ones are decoded together again.

use super::{Piece, Record};
use crate::formats::avro::guarded;
use crate::formats::csv::dialect::Dialect;
use crate::formats::csv::encoding::lossless;
use crate::formats::json::JsonOptions;
use crate::formats::typed::leaves::leaves;
use crate::formats::typed::rows::{Plan, decode};
use crate::formats::wanted::Wanted;
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow_avro::reader::{Decoder, ReaderBuilder};
use arrow_avro::schema::{AvroSchema, Fingerprint, FingerprintAlgorithm, SchemaStore};
use std::collections::HashMap;
use std::sync::Arc;
use tidemill_core::{Decoded, Error, Reject, Result, RowText};

/// What names a record's schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SchemaId {
    /// A zero byte, then the number: as schema registries write it.
    Registry(u32),
    /// Single-object encoding: C3 01, then the schema's Rabin fingerprint.
    Fingerprint(u64),
    /// Nothing stands before the record.
    Given,
}

/// Gives schemas, as JSON.
pub trait SchemaLookup: Send + Sync {
    /// `None` where there is no schema of this id. An error is passed on: the records are to be tried again later.
    fn schema(&self, id: SchemaId) -> Result<Option<String>>;
    /// Whether records have nothing before them, and all are of the schema [`SchemaId::Given`].
    fn is_given(&self) -> bool {
        false
    }
}

pub(super) struct Records {
    split: Arc<str>,
    schemas: Arc<dyn SchemaLookup>,
    options: JsonOptions,
    wanted: Arc<Wanted>,
    known: HashMap<SchemaId, Known>,
}

/// A schema met before.
struct Known {
    json: String,
    decoder: Decoder,
    plan: Arc<Plan>,
}

/// Why a record is no row.
type Fault = (&'static str, String);

const ROWS_MAX: usize = 1 << 24;
/// What stands before each record that the decoder is given, whatever stood there: what follows a record by mistake must not look like it.
const ID: u64 = 0x9E37_79B9_7F4A_7C15;
const PREFIX: [u8; 9] = {
    let id = ID.to_be_bytes();
    [0, id[0], id[1], id[2], id[3], id[4], id[5], id[6], id[7]]
};

/// The number of each record, and what stands behind its schema's id.
type Bodies<'a> = Vec<(u32, &'a [u8])>;

impl Records {
    pub(super) fn new(split: &str, schemas: Arc<dyn SchemaLookup>, options: &JsonOptions, wanted: &Arc<Wanted>) -> Records {
        Records { split: split.into(), schemas, options: options.clone(), wanted: Arc::clone(wanted), known: HashMap::new() }
    }

    pub(super) fn decode(&mut self, records: &[Record<'_>]) -> Result<Piece> {
        let mut rejects = Vec::new();
        let mut reject = |at: usize, (code, reason): Fault| {
            let raw = lossless(records[at].payload);
            rejects.push(Reject { split: Arc::clone(&self.split), line: 0, offset: at as u64, raw, code, column: None, reason });
        };
        // Runs of records of one schema: their bodies.
        let mut runs: Vec<(SchemaId, Bodies)> = Vec::new();
        for (at, record) in records.iter().enumerate() {
            let (id, body) = match cut(record.payload, self.schemas.is_given()) {
                Ok(found) => found,
                Err(fault) => {
                    reject(at, fault);
                    continue;
                }
            };
            if !self.known.contains_key(&id) {
                match self.schemas.schema(id)? {
                    Some(json) => match self.learn(json) {
                        Ok(known) => {
                            self.known.insert(id, known?);
                        }
                        Err(why) => {
                            reject(at, ("schema", format!("{}: {why}", told(id))));
                            continue;
                        }
                    },
                    None => {
                        reject(at, ("schema", format!("there is no {}", told(id))));
                        continue;
                    }
                }
            }
            match runs.last_mut() {
                Some((last, bodies)) if *last == id => bodies.push((at as u32, body)),
                _ => runs.push((id, vec![(at as u32, body)])),
            }
        }
        let mut out: Option<Decoded> = None;
        let mut of: Vec<u32> = Vec::new();
        let mut texts: Vec<(usize, Arc<dyn RowText>)> = Vec::new();
        for (id, bodies) in runs {
            let Some(known) = self.known.get_mut(&id) else { continue };
            let (batch, sound) = known.rows(&bodies, &mut reject)?;
            let whole = batch.clone();
            let all: Vec<usize> = (0..batch.num_columns()).collect();
            let mut d = decode(&known.plan, &batch, &all, 0, Box::new(move || Ok(whole.clone())), 0, Vec::new())?;
            of.extend((0..d.batch.num_rows()).map(|row| sound[d.text.offset(row) as usize]));
            for r in &mut d.rejects {
                r.offset = u64::from(sound[r.offset as usize]);
            }
            texts.push((d.batch.num_rows(), Arc::clone(&d.text)));
            out = Some(match out {
                None => d,
                Some(mut o) => {
                    o.batch = concat_batches(&o.batch.schema(), [&o.batch, &d.batch])?;
                    o.rejects.extend(d.rejects);
                    o.nulled.iter_mut().zip(d.nulled).for_each(|(a, b)| *a += b);
                    o
                }
            });
        }
        let mut decoded = match out {
            Some(d) => d,
            None => Decoded {
                split: Arc::clone(&self.split),
                batch: RecordBatch::new_empty(Arc::clone(&self.wanted.schema)),
                lines: Vec::new(),
                rejects: Vec::new(),
                rows_read: 0,
                bytes_read: 0,
                nulled: vec![0; self.wanted.schema.fields().len()],
                text: Arc::new(crate::formats::avro::Several(Vec::new())),
            },
        };
        decoded.rejects.extend(rejects);
        if texts.len() > 1 {
            decoded.text = Arc::new(crate::formats::avro::Several(texts));
        }
        Ok(Piece { decoded, of })
    }

    /// The outer error is one of the stream, the inner one of the schema.
    #[allow(clippy::type_complexity)] // said above
    fn learn(&self, json: String) -> std::result::Result<Result<Known>, String> {
        let decoder = decoder(&json, ROWS_MAX)?;
        let leaves = leaves(&decoder.schema(), self.options.nested);
        let labels: Vec<String> = leaves.iter().map(|l| l.label.clone()).collect();
        let fields = self.wanted.fields(&labels);
        let drift = match self.wanted.check_drift(&self.split, &labels, &fields) {
            Ok(drift) => drift,
            Err(e) => return Ok(Err(e)),
        };
        let columns = self.wanted.file_columns(fields, Dialect::default());
        let plan = Plan { split: Arc::clone(&self.split), leaves, columns, schema: Arc::clone(&self.wanted.schema), drift };
        Ok(Ok(Known { json, decoder, plan: Arc::new(plan) }))
    }
}

impl Known {
    /// The rows of the records that are sound, and which records these are.
    fn rows(&mut self, bodies: &[(u32, &[u8])], reject: &mut impl FnMut(usize, Fault)) -> Result<(RecordBatch, Vec<u32>)> {
        let bug = |e: String| Error::bug(format!("records that were sound by themselves can't be decoded together: {e}"));
        let mut sound: Vec<u32> = bodies.iter().map(|b| b.0).collect();
        let mut batch = self.together(bodies.iter().map(|b| b.1));
        if batch.is_err() {
            let mut one = None;
            let mut good = Vec::with_capacity(bodies.len());
            for (at, body) in bodies {
                match alone(&self.json, &mut one, body) {
                    Ok(()) => good.push((*at, *body)),
                    Err(why) => reject(*at as usize, ("avro", why)),
                }
            }
            sound = good.iter().map(|b| b.0).collect();
            self.decoder = decoder(&self.json, ROWS_MAX).map_err(bug)?;
            batch = self.together(good.iter().map(|b| b.1));
        }
        let batch = batch.map_err(bug)?.unwrap_or_else(|| RecordBatch::new_empty(self.decoder.schema()));
        if batch.num_rows() != sound.len() {
            return Err(bug(format!("{} rows of {} records", batch.num_rows(), sound.len())));
        }
        Ok((batch, sound))
    }

    fn together<'a>(&mut self, bodies: impl Iterator<Item = &'a [u8]>) -> std::result::Result<Option<RecordBatch>, String> {
        let decoder = &mut self.decoder;
        guarded(|| {
            for body in bodies {
                take(decoder, body)?;
            }
            decoder.flush().map_err(|e| e.to_string())
        })
    }
}

/// Decodes one record by itself; `one` is a decoder to use again.
fn alone(json: &str, one: &mut Option<Decoder>, body: &[u8]) -> std::result::Result<(), String> {
    let mut at_hand = match one.take() {
        Some(d) => d,
        None => decoder(json, 1)?,
    };
    guarded(|| {
        take(&mut at_hand, body)?;
        at_hand.flush().map_err(|e| e.to_string())?.ok_or("it holds no row")?;
        Ok(())
    })?;
    // After a failure it is not used again.
    *one = Some(at_hand);
    Ok(())
}

/// One record: exactly its bytes must be taken, and one row must come of them.
fn take(decoder: &mut Decoder, body: &[u8]) -> std::result::Result<(), String> {
    let room = decoder.capacity();
    let taken = decoder.decode(&PREFIX).and_then(|_| decoder.decode(body)).map_err(|e| e.to_string())?;
    match room.checked_sub(decoder.capacity()) {
        Some(1) if taken == body.len() => Ok(()),
        Some(1) => Err(format!("{} bytes follow the record's end", body.len().saturating_sub(taken))),
        _ => Err("the record ends before its last field does".into()),
    }
}

fn decoder(json: &str, rows: usize) -> std::result::Result<Decoder, String> {
    guarded(|| {
        let mut store = SchemaStore::new_with_type(FingerprintAlgorithm::Id64);
        store.set(Fingerprint::Id64(ID), AvroSchema::new(json.to_string())).map_err(|e| e.to_string())?;
        let builder = ReaderBuilder::new().with_writer_schema_store(store).with_active_fingerprint(Fingerprint::Id64(ID));
        builder.with_batch_size(rows).build_decoder().map_err(|e| e.to_string())
    })
}

/// The schema's id and the record's body.
fn cut(payload: &[u8], is_given: bool) -> std::result::Result<(SchemaId, &[u8]), Fault> {
    if is_given {
        return Ok((SchemaId::Given, payload));
    }
    match payload {
        [0, a, b, c, d, body @ ..] => Ok((SchemaId::Registry(u32::from_be_bytes([*a, *b, *c, *d])), body)),
        [0xC3, 0x01, rest @ ..] if rest.len() >= 8 => {
            let (id, body) = rest.split_at(8);
            Ok((SchemaId::Fingerprint(id.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))), body))
        }
        [] => Err(("empty", "the record is empty".into())),
        _ => Err(("avro", "no schema's id stands before the record".into())),
    }
}

fn told(id: SchemaId) -> String {
    match id {
        SchemaId::Registry(n) => format!("schema {n} in the registry"),
        SchemaId::Fingerprint(n) => format!("schema with fingerprint {n:016x}"),
        SchemaId::Given => "schema".into(),
    }
}
