//! JSON: an object a line, objects one after another, an array of objects, or one object that holds such an array.
//!
//! A file's beginning tells which of these it is ([`layout`]) and which columns there are ([`shape`]). [`blocks`] cuts it where a record ends by
//! looking at brackets and quotes only ([`structure`]); blocks are then parsed in parallel ([`token`]), each record's values laid side by side as
//! CSV's fields are, and converted by the same converters ([`decode`]). So a number's text is never rounded on the way, and a text may hold a date,
//! a unit or a NULL token as in CSV. NULL and absent are NULL; `""` is an empty text.
//!
//! Invariant: whether a record is taken depends on its bytes and the columns asked for alone. A record that is not JSON costs itself only, as far as
//! the next record can be told from it.

pub mod blocks;
pub mod decode;
pub mod layout;
pub mod shape;
pub mod structure;
pub mod token;

/// JSON options as the user set them; `nested` is for every format that nests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonOptions {
    /// The key (or keys, with points between) of the array that holds the records. Detected when absent.
    pub root: Option<String>,
    pub nested: Nested,
    pub record_bytes_max: usize,
}

/// What becomes of objects within records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Nested {
    /// Their members are columns: `address.city`.
    #[default]
    Flatten,
    /// They are columns of JSON text.
    Keep,
}

impl Default for JsonOptions {
    fn default() -> Self {
        JsonOptions { root: None, nested: Nested::Flatten, record_bytes_max: 16 << 20 }
    }
}
