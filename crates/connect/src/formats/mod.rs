//! Ways of writing rows down, apart from where the bytes come from.

pub mod csv;
