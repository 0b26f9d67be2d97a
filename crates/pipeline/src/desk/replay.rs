//! Another try for rows that were set aside.

use super::Desk;
use crate::ingest_step::blocking;
use crate::quarantine::QuarantineFilter;
use crate::report::{ReplayReport, Unwatched};
use crate::workspace::Workspace;
use std::sync::Arc;
use tidemill_core::{Error, Result, Severity};
use tidemill_project::Environment;

impl Desk {
    /// Tries rejected rows again and brings what depends on them up to date, so that who asks afterwards sees them. Where the project is followed, that is
    /// done by who follows it, under the rules it follows by; else under the rules as they stand in the project's files now.
    pub async fn replay(&self, environment: &Environment, table: &str, filter: &QuarantineFilter) -> Result<ReplayReport> {
        let orders = self.now.lock().following.as_ref().map(|f| f.orders.clone());
        if let Some(orders) = orders {
            return self.ws.replay_followed(&orders, table, filter).await;
        }
        let (dir, environment) = (self.ws.project().dir.clone(), environment.clone());
        let checked = blocking(move || Ok(crate::check(&dir, &environment))).await?;
        // Before any row is taken in: what depends on it could not be made.
        if let Some(first) = checked.problems.iter().find(|p| p.severity == Severity::Error) {
            let e = Error::config(format!("the project has mistakes: {}", first.message));
            return Err(e.help("run `tidemill check` to see them all"));
        }
        let report =
            Workspace::open(checked, Arc::clone(&self.ws.clock)).await?.quarantine_take_in(table, filter, Arc::new(Unwatched)).await;
        self.look()?;
        report
    }
}
