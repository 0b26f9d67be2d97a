//! What goes on by itself: tables that are followed, and the views kept current over them.
//!
//! Read in this order: [`feed`] (a source, pulled by a thread of its own), [`mill`] (the loop: rows through recipes into views, an epoch when
//! one is due), [`hot`] (what is in memory, and how queries see it), [`seal`] (an epoch cut off and committed), [`standing`] and [`view`] (state, from
//! checkpoints or built anew), [`guard`] (alerts), [`orders`] (what is done while it stands still), [`outlet`] (where a view's rows are sent), [`status`] and [`latency`] (how it is doing), [`recovery`] (a start after a crash), [`door`] (the socket through which other processes ask).
//!
//! Invariant: a source is told that rows are durable after the epoch that holds them is done; what a crash cuts off is given up whole and read
//! again from where the last finished epoch says.

pub mod door;
mod feed;
mod guard;
pub(crate) mod hot;
mod late;
pub mod latency;
mod mill;
pub(crate) mod orders;
mod outlet;
mod recovery;
pub(crate) mod seal;
mod standing;
pub mod status;
pub(crate) mod view;

use crate::record::Recorder;
use crate::report::{RunOptions, Status, StepReport, Watch};
use crate::run::run_id;
use crate::workspace::{Workspace, versions_of};
use hot::Hot;
use mill::{Mill, Standstill};
use orders::Orders;
use parking_lot::Mutex;
pub(crate) use recovery::Recovery;
use status::Figures;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidemill_core::{Error, Result};
use tidemill_lake::{Lease, TableName};

use seal::Asked;
pub(crate) use seal::{FOLLOWED, is_followed};

/// Maintenance of followed tables runs this often.
const MAINTAIN_MICROS: i64 = 30_000_000;
/// Versions of followed tables can be named for so long: they come several times a second.
const HISTORY: Duration = Duration::from_secs(600);

/// Rules that could not be fitted to the first rows are tried again after so long.
const FIT_AGAIN_MICROS: i64 = 10_000_000;

/// Until when to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Somebody asks to stop.
    Stopped,
    /// Everything that has come is taken in.
    CaughtUp,
    /// The same, of the sources that can be reached: who stays waits for the others later.
    CaughtUpInReach,
}

#[derive(Debug, Clone)]
pub struct FollowOptions {
    pub until: Until,
    /// All else was brought up to date a moment ago, and is left as it is: following begins at once.
    pub only_followed: bool,
    pub command: String,
}

/// What following came to.
#[derive(Debug, Clone, Default)]
pub struct FollowReport {
    pub figures: Figures,
    pub elapsed: Duration,
}

/// A followed project, as others see it while it goes on.
#[derive(Clone)]
pub struct Following {
    pub(crate) hot: Arc<Mutex<Hot>>,
    pub figures: Arc<Mutex<Figures>>,
    /// Savepoints that somebody waits for.
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
    pub(crate) orders: Orders,
}

impl Workspace {
    /// Whether the project has tables that are followed.
    pub fn follows(&self) -> bool {
        self.checked.tables.iter().any(|p| p.stream.is_some())
    }

    /// Brings everything up to date, then keeps it so until it is cancelled. `ready` is called once rows are being followed, and
    /// again with what then stands for the project whenever all of it was opened anew: what it was handed before is of the past.
    pub async fn serve(
        self: &Arc<Self>,
        options: &FollowOptions,
        watch: Arc<dyn Watch>,
        ready: impl FnMut(&Following) + Send,
    ) -> Result<FollowReport> {
        let lease = Arc::new(self.lease("serve")?);
        let served = self.follow(&lease, options, watch, ready).await;
        self.end_life();
        served
    }

    #[allow(clippy::disallowed_methods)] // how long it took is measured, not decided by
    async fn follow(
        self: &Arc<Self>,
        lease: &Arc<Lease>,
        options: &FollowOptions,
        watch: Arc<dyn Watch>,
        mut ready: impl FnMut(&Following) + Send,
    ) -> Result<FollowReport> {
        let began = Instant::now();
        let mut run = RunOptions { command: options.command.clone(), ..RunOptions::default() };
        if options.only_followed {
            run.select = self.checked.tables.iter().filter(|p| p.stream.is_some()).map(|p| p.raw_node()).collect();
        }
        let mut recovery = None;
        let ran = self.run_with(lease, &run, Arc::clone(&watch), Some(&mut recovery)).await;
        // What was cut short has not failed: the next start finishes it.
        if self.cancelled.is_asked() {
            if let Err(e) = ran {
                tracing::info!(error = %e, "stopped while everything was brought up to date");
            }
            return Ok(FollowReport { elapsed: began.elapsed(), ..FollowReport::default() });
        }
        let report = ran?;
        if report.status == Status::Failed {
            let what = report.error.clone().unwrap_or_else(|| "a node failed".into());
            return Err(Error::data(format!("the project could not be brought up to date: {what}")).help("`tidemill run` tells more"));
        }
        let mut still = None;
        let (orders, _closes) = Orders::until_dropped();
        // Told once what was ordered can be seen.
        let mut carried_out = Vec::new();
        let until = options.until;
        let mut fits_from = 0;
        loop {
            let opening = Instant::now();
            let mut mill = self.mill(lease, &watch, &BTreeSet::new(), still.take()).await?;
            mill.orders = orders.clone();
            mill.fits_from = fits_from;
            if let Some(mut recovery) = recovery.take() {
                recovery.opened(&mill, opening.elapsed());
                mill.recovered(recovery)?;
            }
            let following = mill.following();
            let door = door::Door::open(self, &following)?;
            ready(&following);
            carried_out.drain(..).for_each(orders::CarriedOut::tell);
            let options = options.clone();
            let result = in_thread(move || mill.turn(&options)).await?;
            drop(door);
            let Some(stands) = result? else {
                let figures = following.figures.lock().clone();
                return Ok(FollowReport { figures, elapsed: began.elapsed() });
            };
            // The sources stay open meanwhile.
            if !stands.unfitted.is_empty() {
                // First rows have come: now their rules can be fitted.
                let run = RunOptions { select: stands.unfitted.clone(), command: run.command.clone(), ..RunOptions::default() };
                let fitted = self.run_nodes(lease, &run, Arc::clone(&watch)).await;
                if let Err(e) = fitted {
                    // Who stays goes on without: the sources of other tables may be back later.
                    if until != Until::Stopped {
                        return Err(e);
                    }
                    tracing::warn!(error = %e, "rules could not be fitted to rows that came; this is tried again");
                    self.give_up_left(lease).await?;
                    fits_from = self.clock.now_micros() + FIT_AGAIN_MICROS;
                }
            }
            for order in orders.take() {
                carried_out.push(self.carry_out(lease, order, &watch).await?);
            }
            still = Some(stands);
        }
    }

    /// Takes in everything that has come to followed tables so far: what a run does before the rest. Sources that can't be read again are left to who
    /// stays: what one hands over between being opened and being closed would be lost. A recovery is handed on to who goes on following, or else ends with it.
    #[allow(clippy::disallowed_methods)] // how long it took is measured, not decided by
    pub(crate) async fn drain(
        self: &Arc<Self>,
        lease: &Arc<Lease>,
        options: &RunOptions,
        watch: &Arc<dyn Watch>,
        goes_on: Option<&mut Option<Recovery>>,
    ) -> Result<Vec<StepReport>> {
        let selected: BTreeSet<String> =
            self.checked.graph.select(&options.select).map_err(|p| Error::config(p.message))?.iter().cloned().collect();
        let wanted = self.checked.tables.iter().filter(|p| p.stream.as_ref().is_some_and(|s| s.can_replay()));
        let selected: BTreeSet<String> = wanted.map(|p| p.raw_node()).filter(|n| selected.contains(n)).collect();
        if selected.is_empty() {
            match goes_on {
                Some(goes_on) => *goes_on = self.begin_life(lease).await?,
                None => {
                    self.give_up_followed(lease).await?;
                }
            }
            return Ok(Vec::new());
        }
        let mut recovery = self.begin_life(lease).await?;
        let opening = Instant::now();
        let mut mill = self.mill(lease, watch, &selected, None).await?;
        let opened = opening.elapsed();
        if let Some(recovery) = &mut recovery {
            recovery.opened(&mill, opened);
        }
        let is_last = goes_on.is_none();
        if let Some(recovery) = recovery.take_if(|_| is_last) {
            mill.recovers(recovery);
        }
        let steps: Vec<_> = mill.feeds.iter().map(|f| mill.recorder.step(&f.p.raw_node(), "follow")).collect();
        let until = if is_last { Until::CaughtUp } else { Until::CaughtUpInReach };
        let follow = FollowOptions { until, only_followed: false, command: options.command.clone() };
        let turning = Instant::now();
        let (mill, result) = in_thread(move || {
            let result = mill.turn(&follow);
            (mill, result)
        })
        .await?;
        if let (Some(goes_on), Some(mut recovery)) = (goes_on, recovery) {
            recovery.took_in(&mill, turning.elapsed());
            *goes_on = Some(recovery);
        }
        for (step, feed) in steps.into_iter().zip(&mill.feeds) {
            step.meter.rows_read.store(feed.so_far.rows_in, std::sync::atomic::Ordering::Relaxed);
            step.meter.rows_rejected.store(feed.so_far.rejected, std::sync::atomic::Ordering::Relaxed);
            let written = feed.so_far.rows_in - feed.so_far.rejected;
            step.meter.rows_written.store(written, std::sync::atomic::Ordering::Relaxed);
            match &result {
                Ok(_) => step.ok(match (feed.away(), feed.positions.len()) {
                    (Some(trouble), _) => format!("waited for: {trouble}"),
                    (None, 1) => "1 split".to_string(),
                    (None, n) => format!("{n} splits"),
                }),
                Err(e) => step.fail(e),
            }
        }
        result?;
        Ok(mill.recorder.finished())
    }

    async fn mill(
        self: &Arc<Self>,
        lease: &Arc<Lease>,
        watch: &Arc<dyn Watch>,
        only: &BTreeSet<String>,
        still: Option<Standstill>,
    ) -> Result<Mill> {
        self.give_up_followed(lease).await?;
        let id = run_id(self.clock.now_micros(), lease.fencing());
        let recorder = Recorder::new(id, Arc::clone(watch), Arc::clone(&self.clock), None);
        Mill::open(self, lease, &recorder, only, still).await
    }

    /// An epoch that was cut off is given up: its rows are read again.
    async fn give_up_followed(&self, lease: &Lease) -> Result<Option<u64>> {
        match self.lake.unfinished()? {
            Some(open) if seal::is_followed(&open) => {
                seal::forget_states(&self.lake, open.epoch)?;
                self.lake.abandon(lease, open.epoch, "it was interrupted; its rows are read again").await?;
                Ok(Some(open.epoch))
            }
            _ => Ok(None),
        }
    }

    /// Versions of all tables as of the last finished epoch.
    pub(crate) fn last_versions(&self) -> Result<BTreeMap<TableName, i64>> {
        Ok(self.lake.last_done()?.as_ref().map(versions_of).unwrap_or_default())
    }
}

/// Runs the loop on a thread of its own, and waits for it.
async fn in_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let runtime = tokio::runtime::Handle::current();
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("mill".into())
        .stack_size(8 << 20)
        .spawn(move || {
            let _entered = runtime.enter();
            let _ = tell.send(work());
        })
        .map_err(|e| Error::unavailable("cannot start a thread").because(e))?;
    told.await.map_err(|_| Error::bug("the mill's thread panicked"))
}
