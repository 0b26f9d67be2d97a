//! The mill: takes what the feeds bring, through recipes into live views, and has an epoch committed whenever one is due. One thread turns it;
//! commits run beside it, one at a time.

use super::feed::{self, Feed, Message, Pump, Sent, Taken};
use super::guard::Guard;
use super::hot::{self, Hot, HotTable, HotView, Rows};
use super::orders::Orders;
use super::recovery::Recovery;
use super::seal::{self, Asked, Committed, Sealed};
use super::status::Figures;
use super::{FollowOptions, Following, Until};
use crate::nodes;
use crate::record::Recorder;
use crate::state::Outcome;
use crate::tables::Prepared;
use crate::workspace::Workspace;
use arrow::array::RecordBatch;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::time::{Duration, Instant};
use tidemill_core::{Error, ErrorKind, Result};
use tidemill_lake::{Lease, TableName};
use tidemill_live::InputRef;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Messages that may wait before pumps do: what bounds memory between source and mill.
const QUEUE: usize = 8;
/// So many messages are taken before somebody else may look.
const TURN: usize = 32;
/// Views are told of the time this often when nothing comes.
const TICK_MICROS: i64 = 50_000;
/// Rows held in memory beyond this are sealed at once, and beyond twice this the mill waits for the commit.
const HOT_BYTES_MAX: usize = 16 << 20;
/// Whoever waits for what has come waits this long for a source that can't be reached.
const PATIENCE_MICROS: i64 = 15_000_000;
/// And who goes on waiting all the while, before everything else begins.
const PATIENCE_AT_START_MICROS: i64 = 2_000_000;
/// With nobody asking for another time, rows reach Delta this often.
pub(crate) const PUBLISH_MICROS: i64 = 500_000;

pub(crate) struct Mill {
    pub ws: Arc<Workspace>,
    pub lease: Arc<Lease>,
    pub recorder: Arc<Recorder>,
    pub hot: Arc<Mutex<Hot>>,
    pub figures: Arc<Mutex<Figures>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// What it stands still for.
    pub orders: Orders,
    /// Rules are not fitted before.
    pub fits_from: i64,
    pub feeds: Vec<Feed>,
    guard: Guard,
    messages: Option<Receiver<Sent>>,
    runtime: Handle,
    committing: Option<oneshot::Receiver<Result<Committed>>>,
    /// Positions of the epoch that is being committed, by feed.
    confirming: Vec<tidemill_connect::Positions>,
    /// Which views read a table: indexes into `Hot::views`.
    readers: BTreeMap<TableName, Vec<(usize, InputRef)>>,
    publish_micros: i64,
    sealed_at: i64,
    ticked_at: i64,
    maintained_at: i64,
    epochs: u64,
    quiet: BTreeSet<usize>,
    /// When rows last came, or the mill began to turn.
    moved_at: i64,
    /// It goes on, and is not the beginning of a run.
    serves: bool,
    /// A recovery that ends when everything that had come is taken in, and since when that goes on.
    recovering: Option<(Recovery, Instant)>,
    /// A recovery that ended, until an epoch has it.
    recovered: Option<RecordBatch>,
}

/// How a turn of the wheel ended.
enum Turned {
    On,
    Stopped,
    /// Rows have come whose rules were never fitted, or somebody ordered what only a mill at rest allows.
    ToRest,
}

/// Sources that stay open while the mill stands still: what they bring waits, and nothing that they handed over is lost.
pub(crate) struct Standstill {
    messages: Receiver<Sent>,
    pumps: Vec<Pump>,
    /// Clean tables that have no fitted rules yet, though rows have come.
    pub unfitted: Vec<String>,
}

impl Mill {
    /// Opens every feed and every live view that reads one, at the last finished epoch. `still`: sources that are open already.
    pub async fn open(
        ws: &Arc<Workspace>,
        lease: &Arc<Lease>,
        recorder: &Arc<Recorder>,
        only: &BTreeSet<String>,
        still: Option<Standstill>,
    ) -> Result<Mill> {
        let followed: Vec<Arc<Prepared>> =
            ws.checked.tables.iter().filter(|p| p.stream.is_some() && (only.is_empty() || only.contains(&p.raw_node()))).cloned().collect();
        let (to, messages, pumps) = match still {
            Some(still) => (None, still.messages, still.pumps),
            None => {
                let (to, messages) = sync_channel(QUEUE);
                (Some(to), messages, Vec::new())
            }
        };
        let mut pumps = pumps.into_iter();
        let mut hot = Hot { versions: ws.last_versions()?, ..Hot::default() };
        let mut feeds = Vec::new();
        for (index, p) in followed.iter().enumerate() {
            let begins = only.is_empty();
            let pump = |raw: &Outcome| match (pumps.next(), &to) {
                (Some(pump), _) => Ok(pump),
                (None, Some(to)) => Pump::open(index, p, raw, Arc::clone(&ws.clock), to.clone()),
                (None, None) => Err(Error::bug("a source was forgotten while the mill stood still")),
            };
            feeds.push(open_feed(ws, p, begins, pump).await?);
            let (raw, clean) = hot::names(&feeds[index]);
            for name in [raw, clean] {
                let base = match hot.versions.get(&name) {
                    Some(version) => ws.lake.snapshot(&name, Some(*version)).await?,
                    None => None,
                };
                hot.tables.push(HotTable { name, base, sealed: Vec::new(), fresh: Rows::default() });
            }
        }
        // Who stayed open says only once that it is quiet.
        let quiet = feeds.iter().enumerate().filter(|(_, f)| f.standing().caught_up).map(|(index, _)| index).collect();
        let publish_micros =
            followed.iter().filter_map(|p| p.table.publish_micros.as_ref().map(|m| m.value)).min().unwrap_or(PUBLISH_MICROS);
        let mut mill = Mill {
            ws: Arc::clone(ws),
            lease: Arc::clone(lease),
            recorder: Arc::clone(recorder),
            hot: Arc::new(Mutex::new(hot)),
            figures: Arc::default(),
            asked: Arc::default(),
            orders: Orders::default(),
            fits_from: 0,
            feeds,
            guard: Guard::default(),
            messages: Some(messages),
            runtime: Handle::current(),
            committing: None,
            confirming: Vec::new(),
            readers: BTreeMap::new(),
            publish_micros,
            sealed_at: ws.clock.now_micros(),
            ticked_at: 0,
            maintained_at: ws.clock.now_micros(),
            epochs: 0,
            quiet,
            moved_at: ws.clock.now_micros(),
            serves: only.is_empty(),
            recovering: None,
            recovered: None,
        };
        mill.open_views().await?;
        // Alarms are of those that are there to hear them.
        if only.is_empty() {
            mill.guard = Guard::open(ws, recorder).await?;
        }
        mill.figures.lock().update(ws.clock.now_micros(), &mill.feeds, &mill.hot, 0);
        Ok(mill)
    }

    async fn open_views(&mut self) -> Result<()> {
        let views = super::view::open_all(&self.ws, &self.feeds, &self.hot, &self.recorder).await?;
        for (index, view) in views.iter().enumerate() {
            for input in &view.inputs {
                let table = TableName::new(&input.schema, &input.name);
                self.readers.entry(table).or_default().push((index, input.clone()));
            }
        }
        self.hot.lock().views = views;
        Ok(())
    }

    /// It is a recovery that ends when this mill stops.
    #[allow(clippy::disallowed_methods)] // how long it took is measured, not decided by
    pub fn recovers(&mut self, recovery: Recovery) {
        self.recovering = Some((recovery, Instant::now()));
    }

    /// A recovery is over: it is told, and kept with the next epoch.
    pub fn recovered(&mut self, recovery: Recovery) -> Result<()> {
        let (line, row) = recovery.end(self.ws.clock.now_micros())?;
        self.recorder.note("", line);
        self.recovered = Some(row);
        Ok(())
    }

    /// What others see of it.
    pub fn following(&self) -> Following {
        Following {
            hot: Arc::clone(&self.hot),
            figures: Arc::clone(&self.figures),
            asked: Arc::clone(&self.asked),
            orders: self.orders.clone(),
        }
    }

    /// Turns until told to stop, or until everything that had come is taken in and committed; or until rules are to be fitted to the first rows or an
    /// order is to be carried out, for which the mill stands still and its sources stay open.
    pub fn turn(&mut self, options: &FollowOptions) -> Result<Option<Standstill>> {
        let result = loop {
            match self.once(options) {
                Ok(Turned::On) => {}
                Ok(Turned::Stopped) => break Ok(()),
                Ok(Turned::ToRest) => return Ok(self.stand_still()),
                Err(e) => break Err(e),
            }
        };
        self.close();
        result.map(|()| None)
    }

    fn once(&mut self, options: &FollowOptions) -> Result<Turned> {
        let messages = self.messages.take().ok_or_else(|| Error::bug("the mill turns after its end"))?;
        let result = self.take(&messages);
        self.messages = Some(messages);
        result?;
        self.settle_commit(false)?;
        let now = self.ws.clock.now_micros();
        if now - self.ticked_at >= TICK_MICROS {
            self.tick(now)?;
        }
        let cancelled = self.ws.cancelled.is_asked();
        let through = match options.until {
            Until::Stopped => false,
            Until::CaughtUp => self.is_caught_up(),
            Until::CaughtUpInReach => {
                self.is_caught_up() || (now - self.moved_at > PATIENCE_AT_START_MICROS && self.is_caught_up_in_reach())
            }
        };
        // Rules are fitted by a run, for which the mill stands still; before one, they are fitted anyway.
        let to_fit = (through || self.epochs > 0) && now >= self.fits_from && !self.unfitted().is_empty();
        let to_rest = self.serves && !cancelled && (to_fit || self.orders.is_waiting());
        if cancelled || through || to_rest {
            self.settle_commit(true)?;
            if let Some((mut recovery, since)) = self.recovering.take() {
                recovery.took_in(self, since.elapsed());
                self.recovered(recovery)?;
            }
            while self.seal(true, None)? {
                self.settle_commit(true)?;
            }
            return Ok(if to_rest { Turned::ToRest } else { Turned::Stopped });
        }
        if options.until == Until::CaughtUp && now - self.moved_at > PATIENCE_MICROS {
            self.check_reached()?;
        }
        let held = self.held_bytes();
        if held > 2 * HOT_BYTES_MAX {
            self.settle_commit(true)?;
        }
        if self.committing.is_none() && (now - self.sealed_at >= self.publish_micros || held > HOT_BYTES_MAX) {
            self.seal(false, None)?;
            self.sealed_at = now;
        }
        if self.committing.is_none() {
            let asked = self.asked.lock().pop();
            if asked.is_some() {
                self.seal(true, asked)?;
            }
        }
        Ok(Turned::On)
    }

    /// Waits for something to come, and takes what is there.
    fn take(&mut self, messages: &Receiver<Sent>) -> Result<()> {
        let now = self.ws.clock.now_micros();
        let due = (self.ticked_at + TICK_MICROS).min(self.sealed_at + self.publish_micros) - now;
        let wait = if self.committing.is_some() { 2_000 } else { due.clamp(0, TICK_MICROS) };
        let mut next = match messages.recv_timeout(Duration::from_micros(wait.max(0) as u64)) {
            Ok(sent) => Some(sent),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Err(Error::bug("every feed is gone")),
        };
        let mut taken = 0;
        while let Some((index, message)) = next {
            self.message(index, message)?;
            taken += 1;
            next = match messages.try_recv() {
                Ok(sent) if taken < TURN => Some(sent),
                // One too many is worked off rather than lost.
                Ok((index, message)) => {
                    self.message(index, message)?;
                    None
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
            };
        }
        Ok(())
    }

    fn message(&mut self, index: usize, message: Message) -> Result<()> {
        match message {
            Message::Rows(taken) => {
                self.quiet.remove(&index);
                self.moved_at = self.ws.clock.now_micros();
                self.rows(index, *taken)
            }
            Message::Quiet => {
                self.quiet.insert(index);
                Ok(())
            }
            Message::Failed(e) => Err(e),
        }
    }

    /// A batch through contract (done by its pump), recipe and views.
    fn rows(&mut self, index: usize, mut taken: Taken) -> Result<()> {
        let feed = &mut self.feeds[index];
        let (raw_name, clean_name) = hot::names(feed);
        let (read, written) = (taken.decoded.rows_read, taken.decoded.batch.num_rows() as u64);
        feed.count_raw(&taken, read, written);
        feed.dirty = true;
        feed.rejects.append(&mut taken.rejects);
        let (split, source_micros) = (Arc::clone(&taken.decoded.split), taken.source_micros);
        let clean = match &mut feed.recipe {
            Some(recipe) => {
                let applied = recipe.apply(taken.decoded, None).map_err(|e| e.within(feed.p.clean_node()))?;
                seal::count_clean(feed, &applied);
                feed.rejects_prepared.extend(applied.rejects);
                Some(applied.rows)
            }
            None => None,
        };
        let now = self.ws.clock.now_micros();
        let mut hot = self.hot.lock();
        if let Some(table) = hot.table(&raw_name) {
            table.fresh.push(taken.raw);
        }
        if let Some(clean) = clean {
            for (at, input) in self.readers.get(&clean_name).into_iter().flatten() {
                let view = &mut hot.views[*at];
                view.take(input, &split, &clean, now, &self.recorder);
            }
            self.guard.take(&clean_name, &split, &clean, now);
            if let Some(table) = hot.table(&clean_name) {
                table.fresh.push(clean);
            }
        }
        // Rows can be asked for from here on.
        drop(hot);
        let done = self.ws.clock.now_micros();
        if let Some(source) = source_micros {
            feed.so_far.latency.record(done - source, written);
            let mut hot = self.hot.lock();
            for (at, _) in self.readers.get(&clean_name).into_iter().flatten() {
                hot.views[*at].latency.record(done - source, written);
            }
        }
        Ok(())
    }

    /// Time goes on: windows close, alarms are looked at, figures are brought up to date.
    fn tick(&mut self, now: i64) -> Result<()> {
        self.ticked_at = now;
        {
            let mut hot = self.hot.lock();
            for view in hot.views.iter_mut().filter(|v| v.failed.is_none()) {
                let before = view.live.stats().rows_out;
                match view.live.tick(now) {
                    Ok(()) if view.live.stats().rows_out != before => {
                        view.dirty = true;
                        view.changes += 1;
                    }
                    Ok(()) => {}
                    Err(e) => view.fail(&e, &self.recorder),
                }
            }
        }
        self.pour()?;
        self.figures.lock().update(now, &self.feeds, &self.hot, self.epochs);
        let following = self.following();
        self.guard.look(&self.ws, &following, &self.runtime, now);
        Ok(())
    }

    /// Sends what changed in views that have a sink. Nobody waits for the lock while a slow one is waited for.
    fn pour(&self) -> Result<()> {
        let mut sent = Vec::new();
        {
            let mut hot = self.hot.lock();
            for view in hot.views.iter_mut().filter(|v| v.outlet.is_some() && v.failed.is_none()) {
                let deltas = view.live.take_changes()?;
                let Some(outlet) = &view.outlet else { continue };
                for delta in &deltas {
                    sent.extend(outlet.rows(delta)?.map(|rows| (outlet.sender(), rows)));
                }
            }
        }
        for (sender, rows) in sent {
            if let Some(sender) = sender {
                // The thread ends only after this end of the queue.
                let _ = sender.send(rows);
            }
        }
        Ok(())
    }

    fn is_caught_up(&self) -> bool {
        self.feeds.iter().enumerate().all(|(i, f)| self.quiet.contains(&i) && f.standing().caught_up)
    }

    fn is_caught_up_in_reach(&self) -> bool {
        self.feeds.iter().enumerate().all(|(i, f)| f.away().is_some() || (self.quiet.contains(&i) && f.standing().caught_up))
    }

    /// A source that can't be reached keeps back rows that nobody knows of: whoever wants all of them is told.
    fn check_reached(&self) -> Result<()> {
        for feed in &self.feeds {
            if let Some(trouble) = feed.away() {
                return Err(Error::unavailable(format!("nothing has come for {} s: {trouble}", PATIENCE_MICROS / 1_000_000))
                    .at(feed.p.raw_node())
                    .help("`tidemill serve` waits until it is back"));
            }
        }
        Ok(())
    }

    fn held_bytes(&self) -> usize {
        let hot = self.hot.lock();
        hot.tables.iter().map(|t| t.fresh.bytes).sum::<usize>() + hot.views.iter().map(|v| v.fresh.bytes).sum::<usize>()
    }

    /// Cuts an epoch off what is in memory and has it committed; false when there is nothing to commit. `whole`: with all state, also what would
    /// wait. For who asked for a savepoint there always is an epoch.
    fn seal(&mut self, whole: bool, asked: Option<Asked>) -> Result<bool> {
        let changed = self.guard.is_dirty()
            || self.feeds.iter().any(|f| f.dirty)
            || self.hot.lock().views.iter().any(|v| v.has_news(whole))
            || self.recovered.is_some()
            || asked.is_some();
        if !changed {
            return Ok(false);
        }
        let at = self.ws.clock.now_micros();
        let mut sealed = Sealed::cut(&self.ws, &self.recorder.run_id, &mut self.feeds, &self.hot, &mut self.guard, at, whole)?;
        (sealed.asked, sealed.recovered) = (asked, self.recovered.take());
        self.confirming = self.feeds.iter().map(|f| f.positions.clone()).collect();
        let (tell, told) = oneshot::channel();
        let (ws, lease) = (Arc::clone(&self.ws), Arc::clone(&self.lease));
        let maintain = at - self.maintained_at > super::MAINTAIN_MICROS;
        if maintain {
            self.maintained_at = at;
        }
        self.runtime.spawn(async move {
            let _ = tell.send(sealed.commit(&ws, &lease, maintain).await);
        });
        self.committing = Some(told);
        Ok(true)
    }

    /// What the commit gave, once it is there.
    fn settle_commit(&mut self, wait: bool) -> Result<()> {
        let Some(mut told) = self.committing.take() else { return Ok(()) };
        let result = if wait {
            told.blocking_recv().map_err(|_| Error::bug("a commit ended without a word"))?
        } else {
            match told.try_recv() {
                Ok(result) => result,
                Err(oneshot::error::TryRecvError::Empty) => {
                    self.committing = Some(told);
                    return Ok(());
                }
                Err(oneshot::error::TryRecvError::Closed) => return Err(Error::bug("a commit ended without a word")),
            }
        };
        let committed = result?;
        self.epochs += 1;
        self.hot.lock().settle(&committed);
        for (feed, upto) in self.feeds.iter().zip(std::mem::take(&mut self.confirming)) {
            feed.confirm(upto);
        }
        Ok(())
    }

    /// Lets everything go but the sources.
    fn stand_still(&mut self) -> Option<Standstill> {
        self.let_go();
        let unfitted = self.unfitted();
        let messages = self.messages.take()?;
        let pumps = std::mem::take(&mut self.feeds).into_iter().map(Feed::into_pump).collect();
        Some(Standstill { messages, pumps, unfitted })
    }

    fn let_go(&mut self) {
        self.guard.close();
        // Who waits for a savepoint is let go.
        self.asked.lock().clear();
        let _ = self.pour();
        let outlets: Vec<_> = self.hot.lock().views.iter_mut().filter_map(|v| v.outlet.take()).collect();
        outlets.into_iter().for_each(|mut o| o.close());
    }

    fn close(&mut self) {
        for feed in &mut self.feeds {
            feed.stop();
        }
        self.let_go();
        // Pumps that wait to be heard would wait for ever.
        self.messages = None;
        for feed in &mut self.feeds {
            feed.join();
        }
        self.figures.lock().update(self.ws.clock.now_micros(), &self.feeds, &self.hot, self.epochs);
    }

    /// Clean tables that have no fitted rules yet, though rows have come.
    fn unfitted(&self) -> Vec<String> {
        let without = self.feeds.iter().filter(|f| f.recipe.is_none() && f.raw.rows > 0);
        without.map(|f| format!("{}+", f.p.clean_node())).collect()
    }
}

impl HotView {
    fn take(&mut self, input: &InputRef, split: &str, rows: &arrow::array::RecordBatch, now: i64, recorder: &Recorder) {
        if self.failed.is_some() {
            return;
        }
        self.dirty = true;
        self.changes += 1;
        if let Err(e) = self.live.apply(input, split, rows, None, now) {
            self.fail(&e, recorder);
        }
    }

    /// A view that can't go on stops by itself; the others do not.
    fn fail(&mut self, e: &Error, recorder: &Recorder) {
        tracing::error!(view = self.name, error = %e, "the view stopped");
        let what = if e.kind == ErrorKind::Limit { "reached its limit and stopped" } else { "stopped" };
        recorder.note(&self.name, format!("the view {what}: {e}"));
        self.failed = Some(e.to_string());
    }
}

/// `begins`: a table that has no row yet gets its rules at once where they learn nothing from rows.
async fn open_feed(ws: &Arc<Workspace>, p: &Arc<Prepared>, begins: bool, pump: impl FnOnce(&Outcome) -> Result<Pump>) -> Result<Feed> {
    use tidemill_project::NodeKind::{Clean, Raw};
    let last = |node: String, kind| {
        let ws = Arc::clone(ws);
        async move { nodes::last_outcome(&ws.lake, &node, kind).await }
    };
    let raw = last(p.raw_node(), Raw).await?;
    let mut clean = last(p.clean_node(), Clean).await?;
    if begins && raw.is_none() && clean.is_none() {
        clean = crate::clean_step::fit_on_nothing(ws, p).await?;
    }
    let mut raw = raw.unwrap_or_else(|| Outcome { format: crate::state::FORMAT, node: p.raw_node(), ..Outcome::default() });
    // The account of a replay is closed; that of the source goes on.
    raw.ledger.retain(|l| l.edge == feed::FROM_SOURCE);
    let recipe = seal::recipe(ws, p, &raw, clean.as_ref()).await?;
    let clean = if recipe.is_some() { clean } else { None };
    let pump = pump(&raw)?;
    Ok(Feed::new(Arc::clone(p), raw, clean, recipe, pump))
}
