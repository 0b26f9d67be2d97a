//! A project at work: what `check` can know, what a `plan` would do, and the run that does it, node by node, under one epoch.
//!
//! Read in this order: [`check`] (a directory becomes a judged project), `tables` (a table with its connector, contract and recipe), [`workspace`]
//! (an opened project), `nodes` (what is out of date and why), `run` (the order of work), then the steps: `ingest`, `clean_step`, `view_step`,
//! `export`; `state` and `record` (what each leaves behind), and the doors for people: `quarantine`, `replay`, `snapshot`, [`savepoint`], `audit`, `starter`,
//! `propose` (a project written from data nobody has described), `score` (a run held against the truth of generated data), [`live`] (what goes on by itself), [`mod@dictionary`] (what
//! a project says about its data), [`bench`] (what this machine makes of it).
//!
//! Invariant: a table's `txn` names the epoch whose outcome describes it; the outcome is durable before the commit. So a crash anywhere
//! leaves every node either as it was or done, and the next run knows which.

pub mod alerts;
mod audit;
pub mod bench;
pub mod check;
mod check_dashboards;
mod check_live;
mod clean_step;
pub mod desk;
pub mod dictionary;
mod export;
mod fingerprint;
pub mod followed;
mod function_tests;
mod ingest;
mod ingest_step;
mod lineage;
pub mod live;
mod measure;
mod merge;
mod nodes;
mod operators;
mod propose;
mod quarantine;
mod reading;
mod record;
mod record_tables;
mod remembered;
mod replay;
pub mod report;
mod run;
pub mod savepoint;
mod score;
mod snapshot;
mod starter;
mod state;
mod tables;
mod view_step;
mod why;
pub mod workspace;

pub use check::{Checked, check};
pub use desk::Desk;
pub use dictionary::{Dictionary, dictionary};
pub use propose::{Proposal, ProposeOptions, ProposedTable, propose, reading_findings};
pub use quarantine::QuarantineFilter;
pub use reading::Reading;
pub use report::*;
pub use score::{ScoreLine, ScoreOptions, ScoreReport, ScoreTable};
pub use starter::{demo, init};
pub use workspace::{QueryOptions, Workspace};

use arrow::array::RecordBatch;
use tidemill_core::{Error, Result};

/// Rows as JSON objects, one text each.
pub(crate) fn json_rows(batches: &[RecordBatch]) -> Result<Vec<String>> {
    let mut w = arrow::json::WriterBuilder::new().with_explicit_nulls(true).build::<_, arrow::json::writer::LineDelimited>(Vec::new());
    for b in batches {
        w.write(b)?;
    }
    w.finish()?;
    let text = String::from_utf8(w.into_inner()).map_err(|e| Error::bug(e.to_string()))?;
    Ok(text.lines().map(str::to_string).collect())
}
