//! One error type. The kind says what a caller should do; the text says what happened; the source chain is kept but never printed
//! by `Display`, so that a message is shown once.

use std::fmt;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller would do differently. A new kind needs a caller that acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The project or the command line is wrong; nothing will help but editing it.
    Config,
    /// The data is not what was promised; the rows concerned are named.
    Data,
    /// An outside system did not answer; trying again may help.
    Unavailable,
    /// Somebody else owns or changed the thing.
    Conflict,
    /// A limit that the user set, or the machine's own, was reached.
    Limit,
    /// Tidemill is wrong.
    Bug,
}

impl ErrorKind {
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::Config => "config",
            ErrorKind::Data => "data",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::Conflict => "conflict",
            ErrorKind::Limit => "limit",
            ErrorKind::Bug => "bug",
        }
    }

    /// Whether doing the same again, unchanged, may succeed.
    pub fn is_retryable(self) -> bool {
        matches!(self, ErrorKind::Unavailable | ErrorKind::Conflict)
    }

    /// The process exit code for a run that ended so: 78 (`EX_CONFIG`) for a bad project, 1 otherwise.
    pub fn exit_code(self) -> u8 {
        if self == ErrorKind::Config { 78 } else { 1 }
    }

    /// One sentence on what to do next, for errors that carry no better help.
    pub fn hint(self) -> &'static str {
        match self {
            ErrorKind::Config => "run `tidemill check` to see every mistake in the project",
            ErrorKind::Data => "see `tidemill quarantine ls` for the rows concerned",
            ErrorKind::Unavailable => "run the same command again; finished work is kept",
            ErrorKind::Conflict => "wait for the other process to end, then run again",
            ErrorKind::Limit => "raise the limit named above in tidemill.toml, or give it less work at once",
            ErrorKind::Bug => "this is a fault in Tidemill; please report it with the log of the run",
        }
    }
}

#[derive(Debug)]
pub struct Error {
    pub kind: ErrorKind,
    pub what: String,
    /// A file, table, node or address; empty where there is none.
    pub place: String,
    /// What to do about it, when that is known better than [`ErrorKind::hint`].
    pub help: Option<String>,
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Error { kind, what: what.into(), place: String::new(), help: None, source: None }
    }
    pub fn config(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, what)
    }
    pub fn data(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Data, what)
    }
    pub fn unavailable(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, what)
    }
    pub fn conflict(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, what)
    }
    pub fn limit(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Limit, what)
    }
    pub fn bug(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Bug, what)
    }
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
    }
    /// Within a larger thing: the place that is known already is the more exact one, and stays.
    #[must_use]
    pub fn within(self, whole: impl Into<String>) -> Self {
        let place = match self.place.as_str() {
            "" => whole.into(),
            exact => format!("{}: {exact}", whole.into()),
        };
        self.at(place)
    }
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
    /// The chain of causes, outermost first, for logs and `--verbose`.
    pub fn causes(&self) -> Vec<String> {
        let mut out = Vec::new();
        let mut next: Option<&(dyn std::error::Error + 'static)> = self.source.as_deref().map(|s| s as &(dyn std::error::Error + 'static));
        while let Some(e) = next {
            out.push(e.to_string());
            next = e.source();
        }
        out
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() { write!(f, "{}", self.what) } else { write!(f, "{}: {}", self.place, self.what) }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(e: arrow::error::ArrowError) -> Self {
        Error::data(e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_exact_place_stays() {
        let at = |place: &str| Error::data("torn").at(place).within("raw.orders").to_string();
        assert_eq!((at("orders/3").as_str(), at("").as_str()), ("raw.orders: orders/3: torn", "raw.orders: torn"));
    }
}
