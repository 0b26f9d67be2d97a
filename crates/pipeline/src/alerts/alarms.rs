//! The state of one alert: for each key of its rows, whether an alarm stands.

use super::told::{Happened, Told};
use crate::fingerprint;
use arrow::array::{Int64Array, RecordBatch};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tidemill_core::{Error, Result};
use tidemill_project::spec::{Alert, AlertSeverity};

const FORMAT: u32 = 1;

/// More alarms of one alert at a time tell nobody anything.
const MOST: usize = 100_000;

/// What stands, and what must be remembered of what stood.
pub struct Alarms {
    name: String,
    severity: AlertSeverity,
    /// Columns that name an alarm; all when empty.
    key: Vec<String>,
    renotify: Option<i64>,
    cooldown: i64,
    resolve_after: Option<i64>,
    /// Rows never go away: a key whose time is over can be forgotten though its rows are there.
    is_append_only: bool,
    /// How often each key raised an alarm since the state was saved.
    raised: BTreeMap<String, u64>,
    /// The first time at which something is due by itself.
    next: Option<i64>,
    state: State,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct State {
    format: u32,
    /// The columns that name an alarm, as they were.
    key: Vec<String>,
    /// How often the state was saved: part of what ids are made of, so that what is raised again after a crash has the id that it had.
    round: u64,
    keys: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Entry {
    /// Rows of this key.
    count: i64,
    /// What these rows are, whatever their order: changes when they do.
    digest: u64,
    /// The newest of them, as JSON.
    row: String,
    /// When the rows last changed.
    news_at: i64,
    alarm: Option<Standing>,
    resolved_at: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Standing {
    id: String,
    raised_at: i64,
    told_at: i64,
    times: i64,
}

/// What a batch does to one key.
#[derive(Default)]
struct Touch {
    count: i64,
    digest: u64,
    row: Option<String>,
}

impl Alarms {
    /// `is_append_only`: rows of the alert's SELECT never go away again.
    pub fn new(alert: &Alert, is_append_only: bool) -> Alarms {
        let key: Vec<String> = alert.key.iter().map(|k| k.value.clone()).collect();
        Alarms {
            name: alert.name.clone(),
            severity: alert.severity,
            renotify: alert.renotify_micros,
            cooldown: alert.cooldown_micros,
            resolve_after: alert.resolve_after_micros,
            is_append_only,
            raised: BTreeMap::new(),
            next: None,
            state: State { format: FORMAT, key: key.clone(), ..State::default() },
            key,
        }
    }

    /// The whole result as it is now.
    pub fn rows(&mut self, rows: &[RecordBatch], now: i64) -> Result<Vec<Told>> {
        let mut touched = BTreeMap::new();
        for batch in rows {
            self.touch(batch, None, &mut touched)?;
        }
        for (key, entry) in &self.state.keys {
            let touch = touched.entry(key.clone()).or_insert_with(Touch::default);
            touch.count -= entry.count;
            touch.digest = touch.digest.wrapping_sub(entry.digest);
        }
        touched.retain(|_, t| t.count != 0 || t.digest != 0);
        self.take(touched, now)
    }

    /// What changed in the result: rows that came (weight above 0) and went.
    pub fn changes(&mut self, rows: &RecordBatch, weights: Option<&Int64Array>, now: i64) -> Result<Vec<Told>> {
        let mut touched = BTreeMap::new();
        self.touch(rows, weights, &mut touched)?;
        self.take(touched, now)
    }

    /// Time went on.
    pub fn tick(&mut self, now: i64) -> Vec<Told> {
        let mut told = Vec::new();
        if self.next.is_some_and(|at| at <= now) {
            let due: Vec<String> =
                self.state.keys.iter().filter(|(_, e)| self.due_of(e).is_some_and(|at| at <= now)).map(|(k, _)| k.clone()).collect();
            for key in due {
                self.step(&key, now, &mut told);
            }
            self.next = self.state.keys.values().filter_map(|e| self.due_of(e)).min();
        }
        told
    }

    /// When [`Alarms::tick`] next has something to say, if nothing comes before.
    pub fn due(&self) -> Option<i64> {
        self.next
    }

    /// Alarms that stand.
    pub fn standing(&self) -> usize {
        self.state.keys.values().filter(|e| e.alarm.is_some()).count()
    }

    /// To be kept with an epoch; what is raised from here on has ids of the next round.
    pub fn save(&mut self) -> Result<Vec<u8>> {
        self.state.round += 1;
        self.raised.clear();
        serde_json::to_vec(&self.state).map_err(|e| Error::bug(format!("the alarms of {} cannot be kept: {e}", self.name)))
    }

    /// Takes up a state that was saved. If alarms were named by other columns then, those that stand are resolved by the next tick.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        let mut state: State =
            serde_json::from_slice(bytes).map_err(|e| Error::data(format!("the alarms of {} cannot be read: {e}", self.name)))?;
        if state.format > FORMAT {
            return Err(Error::config(format!("the alarms of {} were kept by a newer version", self.name)).help("use that version"));
        }
        if state.key != self.key {
            state.keys.retain(|_, e| e.alarm.is_some());
            for entry in state.keys.values_mut() {
                (entry.count, entry.digest) = (0, 0);
            }
            state.key.clone_from(&self.key);
        }
        self.state = state;
        self.raised.clear();
        self.next = self.state.keys.values().filter_map(|e| self.due_of(e)).min();
        Ok(())
    }

    fn touch(&self, batch: &RecordBatch, weights: Option<&Int64Array>, touched: &mut BTreeMap<String, Touch>) -> Result<()> {
        let rows = crate::json_rows(std::slice::from_ref(batch))?;
        let keys = match self.key.as_slice() {
            [] => rows.clone(),
            names => {
                let places = names.iter().map(|n| batch.schema_ref().index_of(n)).collect::<std::result::Result<Vec<_>, _>>();
                let places = places.map_err(|e| Error::bug(format!("alert {}: {e}", self.name)))?;
                crate::json_rows(&[batch.project(&places)?])?
            }
        };
        for (i, (key, row)) in keys.into_iter().zip(rows).enumerate() {
            let weight = weights.map_or(1, |w| w.value(i));
            let t = touched.entry(key).or_default();
            t.count += weight;
            t.digest = t.digest.wrapping_add(hash(&row).wrapping_mul(weight as u64));
            if weight > 0 {
                t.row = Some(row);
            }
        }
        Ok(())
    }

    fn take(&mut self, touched: BTreeMap<String, Touch>, now: i64) -> Result<Vec<Told>> {
        let mut told = Vec::new();
        for (key, touch) in touched {
            let entry = self.state.keys.entry(key.clone()).or_default();
            entry.count = (entry.count + touch.count).max(0);
            let digest = if entry.count == 0 { 0 } else { entry.digest.wrapping_add(touch.digest) };
            if digest != entry.digest && entry.count > 0 {
                entry.news_at = now;
                if let Some(row) = touch.row {
                    entry.row = row;
                }
            }
            entry.digest = digest;
            self.step(&key, now, &mut told);
            if let Some(at) = self.state.keys.get(&key).and_then(|e| self.due_of(e)) {
                self.next = Some(self.next.map_or(at, |next| next.min(at)));
            }
        }
        told.extend(self.tick(now));
        if self.state.keys.len() > MOST {
            let message = format!("alert {} has {} alarms at once", self.name, self.state.keys.len());
            return Err(Error::limit(message).help("name what raises an alarm by fewer columns with `key`, or have its SELECT find less"));
        }
        Ok(told)
    }

    fn is_active(&self, e: &Entry, now: i64) -> bool {
        e.count > 0 && self.resolve_after.is_none_or(|after| now < e.news_at.saturating_add(after))
    }

    fn is_cooling(&self, e: &Entry, now: i64) -> bool {
        e.resolved_at.is_some_and(|at| now < at.saturating_add(self.cooldown))
    }

    fn due_of(&self, e: &Entry) -> Option<i64> {
        let over = self.resolve_after.filter(|_| e.count > 0).map(|after| e.news_at.saturating_add(after));
        match &e.alarm {
            Some(alarm) if e.count == 0 => Some(alarm.told_at),
            Some(alarm) => {
                let again = self.renotify.map(|r| alarm.told_at.saturating_add(r));
                over.into_iter().chain(again).min()
            }
            // Raised once it has cooled down, or forgotten.
            None => e.resolved_at.map(|at| at.saturating_add(self.cooldown)),
        }
    }

    /// Brings one key to where it belongs at this time.
    fn step(&mut self, key: &str, now: i64, told: &mut Vec<Told>) {
        let Some(entry) = self.state.keys.get(key) else { return };
        let (is_active, is_cooling) = (self.is_active(entry, now), self.is_cooling(entry, now));
        let round = self.state.round;
        let (severity, renotify) = (self.severity, self.renotify);
        let is_forgotten = !is_active && !is_cooling && (entry.count == 0 || self.is_append_only);
        let Some(entry) = self.state.keys.get_mut(key) else { return };
        if !is_cooling {
            entry.resolved_at = None;
        }
        let happened = match &mut entry.alarm {
            None if is_active && !is_cooling => {
                let nth = self.raised.entry(key.to_string()).or_default();
                let id = fingerprint::hash(&format!("{}\n{key}\n{round}\n{nth}", self.name))[..16].to_string();
                *nth += 1;
                entry.alarm = Some(Standing { id, raised_at: now, told_at: now, times: 1 });
                Some(Happened::Raised)
            }
            Some(alarm) if !is_active => {
                (alarm.told_at, alarm.times) = (now, alarm.times + 1);
                Some(Happened::Resolved)
            }
            Some(alarm) if renotify.is_some_and(|r| now >= alarm.told_at.saturating_add(r)) => {
                (alarm.told_at, alarm.times) = (now, alarm.times + 1);
                Some(Happened::Renotified)
            }
            _ => None,
        };
        if let (Some(happened), Some(alarm)) = (happened, &entry.alarm) {
            told.push(Told {
                alarm: alarm.id.clone(),
                happened,
                severity,
                key: key.to_string(),
                row: entry.row.clone(),
                at_micros: now,
                raised_at_micros: alarm.raised_at,
                times: alarm.times,
            });
        }
        if happened == Some(Happened::Resolved) {
            entry.alarm = None;
            entry.resolved_at = (self.cooldown > 0).then_some(now);
        }
        if is_forgotten && entry.alarm.is_none() && entry.resolved_at.is_none() {
            self.state.keys.remove(key);
        }
    }
}

fn hash(text: &str) -> u64 {
    let bytes = blake3::hash(text.as_bytes());
    u64::from_le_bytes(bytes.as_bytes()[..8].try_into().unwrap_or_default())
}
