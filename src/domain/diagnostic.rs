//! Diagnostics: what is wrong with an input, where, and what to type next.

use super::path::RelPath;
use serde::Serialize;
use std::fmt;

/// A stable diagnostic code, for example `unknown-key`. Each room declares its own in a `CODES` list; a test
/// holds that no two are the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct Code(pub &'static str);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// How grave a diagnostic is. Only errors change an exit code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The input cannot be used.
    Error,
    /// The input can be used and should be looked at.
    Warning,
    /// Worth knowing.
    Note,
}

/// A range of one file: 1-based line and column (in characters), and a length in characters (at least 1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Span {
    /// 1-based line.
    pub line: u32,
    /// 1-based column, in characters.
    pub column: u32,
    /// Characters to underline on that line.
    pub length: u32,
}

impl Span {
    /// A span on one line.
    pub fn new(line: u32, column: u32, length: u32) -> Self {
        Self { line, column, length: length.max(1) }
    }
}

/// A place in the repository: a file, and where it is known a range of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// The file.
    pub path: RelPath,
    /// The range, where one is known.
    pub span: Option<Span>,
}

impl Place {
    /// A range of a file.
    pub fn at(path: &RelPath, span: Span) -> Self {
        Self { path: path.clone(), span: Some(span) }
    }

    /// A file as a whole.
    pub fn file(path: &RelPath) -> Self {
        Self { path: path.clone(), span: None }
    }
}

/// One finding about an input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// The stable code.
    pub code: Code,
    /// How grave it is.
    pub severity: Severity,
    /// A lower-case fragment that says what is wrong.
    pub message: String,
    /// Where, if it has a place.
    pub place: Option<Place>,
    /// What to type next.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error without place or help yet.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, message: message.into(), place: None, help: None }
    }

    /// A warning without place or help yet.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// A note without place or help yet.
    pub fn note(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::error(code, message) }
    }

    /// The same finding, at `place`.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// The same finding, with what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
