//! How one CSV file is read: its survey and the columns asked for, brought together.

use super::dialect::Dialect;
use super::encoding::Encoding;
use super::tokenise::Width;
use arrow::datatypes::SchemaRef;
use std::sync::Arc;

pub use crate::formats::plan::{ColumnPlan, FileColumn, Kind, NullTokens, match_labels, names_of};

/// How the rows of one file become batches.
#[derive(Debug)]
pub struct FilePlan {
    /// The file, as rows will name it.
    pub split: Arc<str>,
    pub dialect: Dialect,
    pub encoding: Encoding,
    pub width: Width,
    /// The last field of every row is empty and no column.
    pub trails: bool,
    pub columns: Vec<FileColumn>,
    pub schema: SchemaRef,
    /// Set when every row of the file must become a reject: why.
    pub drift: Option<String>,
}
