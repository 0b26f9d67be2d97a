//! Questions to the project: bounded in number, time and rows; an answer is kept as long as what it was read from is the same, and those
//! who ask the same at the same time wait for one answer.

use crate::data::Data;
use crate::limits::Limits;
use crate::refusal::Refusal;
use axum::http::StatusCode;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tidemill_engine::Collected;
use tokio::sync::{OnceCell, Semaphore};

/// So many answers are kept at most, however small.
const KEPT_MAX: usize = 1024;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    pub sql: String,
    pub params: Vec<String>,
    pub rows_max: usize,
}

pub struct Answer {
    pub rows: Collected,
    /// Of what it was read from.
    pub version: String,
    pub as_of_micros: i64,
    pub elapsed: Duration,
    /// As it was sent the first time.
    pub sent: OnceLock<Bytes>,
}

pub struct Answers {
    data: Arc<dyn Data>,
    turns: Semaphore,
    turns_max: usize,
    kept: Mutex<Kept>,
    patience: Duration,
    bytes_max: usize,
    pub counts: Counts,
}

#[derive(Default)]
pub struct Counts {
    pub asked: AtomicU64,
    pub from_kept: AtomicU64,
    pub failed: AtomicU64,
    pub given_up: AtomicU64,
    pub micros: AtomicU64,
}

type Key = (Question, String);

#[derive(Default)]
struct Kept {
    answers: HashMap<Key, Slot>,
    uses: u64,
    bytes: usize,
}

#[derive(Default)]
struct Slot {
    cell: Arc<OnceCell<Arc<Answer>>>,
    used: u64,
    bytes: usize,
}

impl Answers {
    pub fn new(data: Arc<dyn Data>, limits: &Limits) -> Answers {
        Answers {
            data,
            turns: Semaphore::new(limits.questions.max(1)),
            turns_max: limits.questions.max(1),
            kept: Mutex::default(),
            patience: limits.question_max,
            bytes_max: limits.kept_bytes,
            counts: Counts::default(),
        }
    }

    /// Asks over `view`. Dropping the future gives the question up, unless others wait for it: one of them goes on with it.
    pub async fn ask(&self, view: &str, question: Question) -> Result<Arc<Answer>, Refusal> {
        let selected = !question.params.is_empty();
        // Before the rows are read: an answer may be newer than its version says, never older.
        let version = self.data.version(view)?;
        let key = (question, version);
        let cell = self.kept.lock().slot(&key);
        let mut computed = false;
        let answer = cell
            .get_or_try_init(|| {
                computed = true;
                self.compute(&key)
            })
            .await;
        if !computed {
            self.counts.from_kept.fetch_add(1, Ordering::Relaxed);
        }
        match answer {
            Ok(answer) => {
                if computed {
                    self.kept.lock().weigh(&key, answer.rows.batches.iter().map(|b| b.get_array_memory_size()).sum(), self.bytes_max);
                }
                Ok(Arc::clone(answer))
            }
            Err(refusal) => {
                self.kept.lock().forget(&key);
                Err(refusal.unwrap_or_else(|e| Refusal::of(&e, selected)))
            }
        }
    }

    #[allow(clippy::disallowed_methods)] // how long an answer took is shown, not decided by
    async fn compute(&self, (question, version): &Key) -> Result<Arc<Answer>, Result<Refusal, tidemill_core::Error>> {
        self.counts.asked.fetch_add(1, Ordering::Relaxed);
        let work = async {
            let turn = self.turns.acquire().await;
            let began = Instant::now();
            let as_of_micros = self.data.as_of_micros();
            let rows = self.data.ask(&question.sql, &question.params, question.rows_max).await?;
            drop(turn);
            Ok(Answer { rows, version: version.clone(), as_of_micros, elapsed: began.elapsed(), sent: OnceLock::new() })
        };
        match tokio::time::timeout(self.patience, work).await {
            Ok(Ok(answer)) => {
                self.counts.micros.fetch_add(answer.elapsed.as_micros() as u64, Ordering::Relaxed);
                Ok(Arc::new(answer))
            }
            Ok(Err(e)) => {
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
                Err(Err(e))
            }
            Err(_) => {
                self.counts.given_up.fetch_add(1, Ordering::Relaxed);
                let seconds = self.patience.as_secs();
                let message = format!("there was no answer within {seconds} s");
                Err(Ok(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "too_slow", message).help("choose less, or try again")))
            }
        }
    }

    /// Whether somebody waits for an answer.
    pub fn is_busy(&self) -> bool {
        self.turns.available_permits() < self.turns_max
    }

    pub fn kept(&self) -> (usize, usize) {
        let kept = self.kept.lock();
        (kept.answers.len(), kept.bytes)
    }
}

impl Kept {
    fn slot(&mut self, key: &Key) -> Arc<OnceCell<Arc<Answer>>> {
        self.uses += 1;
        let slot = self.answers.entry(key.clone()).or_default();
        slot.used = self.uses;
        Arc::clone(&slot.cell)
    }

    fn weigh(&mut self, key: &Key, bytes: usize, bytes_max: usize) {
        // Rows are kept twice: as they came, and written out as they are sent.
        let bytes = bytes * 2 + key.0.sql.len() + key.0.params.iter().map(String::len).sum::<usize>() + 512;
        if let Some(slot) = self.answers.get_mut(key) {
            self.bytes = self.bytes - slot.bytes + bytes;
            slot.bytes = bytes;
        }
        // What is older of the same question can't be asked for again, and is the first to go in any case: it is the longest unused.
        while self.bytes > bytes_max || self.answers.len() > KEPT_MAX {
            let Some(oldest) = self.answers.iter().min_by_key(|(_, s)| s.used).map(|(k, _)| k.clone()) else { return };
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, key: &Key) {
        if let Some(slot) = self.answers.remove(key) {
            self.bytes -= slot.bytes;
        }
    }
}
