//! The words every other room speaks: names, errors, problems in a project, places in a source, and the traits that let rows
//! flow without one room knowing another. No input or output happens here.
//!
//! Read in this order: [`error`] and [`problem`] (what can go wrong, for a caller and for a person), [`place`] (where), [`name`]
//! (how columns and tables are called), [`read`] (what a decoder is asked for), [`scan`] (how rows come, in order and in
//! parallel), [`meter`] (how work reports progress), [`work`] (what its parts took), [`clock`] and [`secret`].

pub mod clock;
pub mod code;
pub mod drive;
pub mod error;
pub mod meter;
pub mod name;
pub mod place;
pub mod problem;
pub mod read;
pub mod scan;
pub mod secret;
pub mod work;

pub use clock::{Clock, SystemClock};
pub use code::codes;
pub use drive::drive;
pub use error::{Error, ErrorKind, Result};
pub use meter::Meter;
pub use place::{Place, Spanned};
pub use problem::{Problem, Severity};
pub use read::{ColumnRead, Negative, OnInvalid};
pub use scan::{Decoded, Morsel, Reject, RowText, Scan};
pub use secret::Secret;
pub use work::{Lap, Stint, Task, Work};
