//! What a table is called, and where it lies by default.

use std::fmt;
use std::str::FromStr;
use tidemill_core::Error;

/// `schema.name`. Both parts are stored names: lower-case letters, digits and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    pub schema: String,
    pub name: String,
}

impl TableName {
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> TableName {
        TableName { schema: schema.into(), name: name.into() }
    }
    pub fn raw(name: impl Into<String>) -> TableName {
        TableName::new("raw", name)
    }
    pub fn clean(name: impl Into<String>) -> TableName {
        TableName::new("clean", name)
    }
    /// A stored view.
    pub fn public(name: impl Into<String>) -> TableName {
        TableName::new("public", name)
    }
    pub fn quarantine(name: impl Into<String>) -> TableName {
        TableName::new("quarantine", name)
    }
    pub fn system(name: impl Into<String>) -> TableName {
        TableName::new("system", name)
    }

    /// The directory inside the lake.
    pub fn directory(&self) -> String {
        format!("{}/{}", self.schema, self.name)
    }

    /// The Delta application id under which epochs are recorded in the table's log.
    pub fn application_id(&self) -> String {
        format!("tidemill.{}.{}", self.schema, self.name)
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// `clean.orders`; a bare name is a stored view, `public.NAME`.
impl FromStr for TableName {
    type Err = Error;

    fn from_str(text: &str) -> Result<TableName, Error> {
        let (schema, name) = text.split_once('.').unwrap_or(("public", text));
        let fine = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !fine(schema) || !fine(name) {
            return Err(Error::config(format!("`{text}` is not a table name")).help("write it as schema.name, for example clean.orders"));
        }
        Ok(TableName::new(schema, name))
    }
}
