//! Times a question: from its text to its last row.

use futures::StreamExt;
use std::time::Instant;
use tidemill_core::Result;
use tidemill_engine::{PlanMetrics, Session};

pub(super) struct Run {
    pub seconds: f64,
    pub rows: u64,
    pub metrics: PlanMetrics,
    pub plan: String,
}

#[allow(clippy::disallowed_methods)] // measuring is what this is for
pub(super) async fn run(session: &Session, sql: &str) -> Result<Run> {
    let began = Instant::now();
    let query = session.query(sql).await?;
    let mut rows = 0;
    let mut stream = query.stream()?;
    while let Some(batch) = stream.next().await {
        rows += batch?.num_rows() as u64;
    }
    drop(stream);
    let seconds = began.elapsed().as_secs_f64();
    Ok(Run { seconds, rows, metrics: query.metrics(), plan: query.plan() })
}

/// Seconds that some other work takes.
#[allow(clippy::disallowed_methods)] // measuring is what this is for
pub(super) async fn seconds<T>(work: impl Future<Output = Result<T>>) -> Result<(f64, T)> {
    let began = Instant::now();
    let done = work.await?;
    Ok((began.elapsed().as_secs_f64(), done))
}
