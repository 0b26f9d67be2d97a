//! What is ordered of who follows a project: it holds the lease, so nobody else can write meanwhile. The mill stands still for it, with everything
//! committed and its sources open; then it goes on over the tables as they are now.

use crate::quarantine::QuarantineFilter;
use crate::record_tables;
use crate::report::{ReplayReport, Watch};
use crate::workspace::Workspace;
use parking_lot::Mutex;
use std::sync::Arc;
use tidemill_core::{Error, Result};
use tidemill_lake::Lease;
use tokio::sync::oneshot;

/// Rows set aside are to be tried again.
pub(crate) struct Order {
    table: String,
    filter: QuarantineFilter,
    tell: oneshot::Sender<Result<ReplayReport>>,
}

/// What waits to be carried out; `None` once nobody follows any more.
#[derive(Clone, Default)]
pub(crate) struct Orders(Arc<Mutex<Option<Vec<Order>>>>);

/// Whoever waits for an order is let go with this.
pub(super) struct Closes(Orders);

impl Drop for Closes {
    fn drop(&mut self) {
        self.0.0.lock().take();
    }
}

impl Orders {
    /// They are taken until the guard goes.
    pub(super) fn until_dropped() -> (Orders, Closes) {
        let orders = Orders(Arc::new(Mutex::new(Some(Vec::new()))));
        (orders.clone(), Closes(orders))
    }

    /// Has rows tried again, and waits until what came of it can be seen.
    pub async fn replay(&self, table: &str, filter: &QuarantineFilter) -> Result<ReplayReport> {
        let ended = || Error::unavailable("the project is not followed any more").help("serve it anew");
        let (tell, told) = oneshot::channel();
        match self.0.lock().as_mut() {
            Some(waiting) => waiting.push(Order { table: table.to_string(), filter: filter.clone(), tell }),
            None => return Err(ended()),
        }
        told.await.map_err(|_| ended())?
    }

    pub fn is_waiting(&self) -> bool {
        self.0.lock().as_ref().is_some_and(|waiting| !waiting.is_empty())
    }

    pub fn take(&self) -> Vec<Order> {
        self.0.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }
}

/// An order and what came of it.
pub(super) struct CarriedOut {
    tell: oneshot::Sender<Result<ReplayReport>>,
    result: Result<ReplayReport>,
}

impl CarriedOut {
    pub fn tell(self) {
        // Who asked may be gone.
        let _ = self.tell.send(self.result);
    }
}

impl Workspace {
    /// Has whoever follows the project try rows again. Nothing stands still for rows that don't pass.
    pub(crate) async fn replay_followed(self: &Arc<Self>, orders: &Orders, table: &str, filter: &QuarantineFilter) -> Result<ReplayReport> {
        let mut would = self.replay_would(table, filter).await?;
        if would.accepted > 0 {
            return orders.replay(table, filter).await;
        }
        if would.tried > 0 {
            would.next = "correct the rule that rejects them, serve the project anew, then try again".into();
        }
        Ok(would)
    }

    /// While the mill stands still. What is wrong with the order is told to who gave it; what would leave the lake in halves ends the following, as the
    /// same would end a run.
    pub(super) async fn carry_out(self: &Arc<Self>, lease: &Arc<Lease>, order: Order, watch: &Arc<dyn Watch>) -> Result<CarriedOut> {
        let Order { table, filter, tell } = order;
        let result = match self.replay_with(lease, &table, &filter, watch).await {
            Ok(report) => {
                let report = self.bring_up_to_date(lease, report, watch).await;
                self.give_up_left(lease).await?;
                Ok(report)
            }
            Err(e) => {
                record_tables::settle_dead_runs(self, lease).await?;
                Err(e)
            }
        };
        Ok(CarriedOut { tell, result })
    }

    /// What a run began that could go neither on nor to its end: rows that come could not be committed beside it.
    pub(super) async fn give_up_left(&self, lease: &Lease) -> Result<()> {
        match self.lake.unfinished()? {
            Some(open) => self.lake.abandon(lease, open.epoch, "it could not be finished, and rows go on to come").await,
            None => Ok(()),
        }
    }
}
