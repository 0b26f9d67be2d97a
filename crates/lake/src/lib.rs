//! Where rows stay. A lake is a directory of Delta tables (`raw`, `clean`, `public`, `quarantine`, `system`) and a `_tidemill` directory with
//! the lease, the epochs and the journals of running runs.
//!
//! Read in this order: [`Lake`] and [`TableName`] (what there is), [`lease`] (who may write), [`epoch`] (what is all-or-nothing), [`writer`]
//! (rows into data files), [`commit`] (data files into a table, once), [`snapshot`] (what a reader sees), [`provider`] and [`scan`] (how SQL and
//! preparation read it), [`history`], [`savepoint`] and [`maintain`] (old versions, those with a name, and their end), [`system`], [`quarantine`] and [`journal`] (the record of work), [`key_value`] (rows by key).
//!
//! Invariant: a table has an epoch wholly or not at all, and at most once; a reader that takes versions from [`Done`] sees all tables at
//! the same epoch.

mod appended;
pub mod commit;
pub mod epoch;
pub mod history;
pub mod journal;
pub mod key_value;
mod lake;
pub mod lease;
pub mod maintain;
pub mod name;
pub mod provider;
pub mod quarantine;
pub mod savepoint;
pub mod scan;
pub mod schema;
mod sealed;
pub mod snapshot;
pub mod state;
mod stats;
pub mod system;
pub mod writer;

pub use commit::{Commit, Committed, Removes};
pub use epoch::{Done, Manifest, NodeIntent};
pub use history::VersionInfo;
pub use journal::Journal;
pub use key_value::{Found, KeyValue};
pub use lake::Lake;
pub use lease::{Holder, Lease};
pub use maintain::Maintained;
pub use name::TableName;
pub use savepoint::{Held, Savepoint};
pub use snapshot::{DataFile, Snapshot};
pub use writer::{TableWriter, WriterOptions};

#[cfg(test)]
mod tests;
