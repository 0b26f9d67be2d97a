//! Where something stands: a value in a project file, by byte range.

use std::ops::Range;
use std::path::PathBuf;

/// A byte range in a project file. `file` is relative to the project directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Place {
    pub file: PathBuf,
    /// Byte offsets into the file; `None` when the whole file is meant.
    pub span: Option<Range<usize>>,
}

impl Place {
    pub fn file(file: impl Into<PathBuf>) -> Self {
        Place { file: file.into(), span: None }
    }
    pub fn span(file: impl Into<PathBuf>, span: Range<usize>) -> Self {
        Place { file: file.into(), span: Some(span) }
    }
}

/// A value and where it was written. `span` is empty (`0..0`) for a value that came from a default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Range<usize>,
}

impl<T> Spanned<T> {
    pub fn new(value: T, span: Range<usize>) -> Self {
        Spanned { value, span }
    }
    /// A value nobody wrote: a default, or a test's.
    pub fn default_of(value: T) -> Self {
        Spanned { value, span: 0..0 }
    }
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: f(self.value), span: self.span }
    }
}

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> From<T> for Spanned<T> {
    fn from(value: T) -> Self {
        Spanned::default_of(value)
    }
}
