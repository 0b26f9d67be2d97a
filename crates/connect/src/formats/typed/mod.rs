//! Arrow values as the columns asked for: what Parquet and Avro share. Structs are flattened ([`leaves`]), values converted strictly ([`cast`]), by
//! the texts' converters where the types differ in more than size; a row with a value that does not fit is a reject, told as JSON text
//! ([`mod@text`]), from which the row can be read again.

pub mod cast;
pub mod leaves;
pub mod look;
pub mod rows;
pub mod text;
