//! A project directory becomes plain specifications with spans, and a graph of what depends on what.
//!
//! Read in this order: [`spec`] (what a project says), [`load()`] (the directory walk), `sheet` and `fields` (how one file is read so that
//! all its mistakes come at once), `table`, `column`, `rule`, `view`, `live`, `function`, `export`, `alert`, [`query`], [`dashboard`], `source` (one kind of file or section each), [`sql`]
//! (what a SELECT reads), [`mod@graph`], [`settings`], [`merge`] (one mistake is told once).
//!
//! Invariant: nothing here fails, opens a connection or looks at data. Reading gives what could be understood and every problem met; the
//! same directory, variables and flags give the same answer, byte for byte.

mod alert;
mod column;
pub mod dashboard;
mod document;
mod export;
mod fields;
mod formats;
mod function;
pub mod graph;
mod header;
mod live;
mod load;
mod options;
pub mod query;
mod repeats;
mod rule;
pub mod settings;
mod sheet;
mod source;
pub mod spec;
pub mod sql;
mod table;
mod types;
mod view;

pub use graph::{Graph, Node, NodeKind, graph};
pub use load::{FOLDERS, load};
pub use repeats::merge;
pub use settings::{Environment, Settings};
pub use spec::Project;
pub use types::{parse_type, type_name};
