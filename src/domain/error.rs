//! The one error type. Its kind alone decides the exit code.

use super::diagnostic::Diagnostic;
use super::exit::Exit;
use std::error::Error as StdError;
use std::fmt;

/// What sort of failure it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The input is wrong and has to be changed.
    Input,
    /// Something outside failed, so that nothing can be decided.
    NoVerdict,
    /// A selection that was named matched nothing.
    NoMatch,
    /// The user interrupted.
    Interrupted,
    /// Files of the tool's own could not be read or written.
    Storage,
}

impl Kind {
    /// The exit of a command that ended with an error of this kind.
    pub fn exit(self) -> Exit {
        match self {
            Self::Input => Exit::Input,
            Self::NoVerdict | Self::Storage => Exit::NoVerdict,
            Self::NoMatch => Exit::NoMatch,
            Self::Interrupted => Exit::Interrupted,
        }
    }
}

/// Shorthand for a result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure with its kind, its source and a hint, made where the fact is known.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    hint: Option<String>,
    diagnostics: Vec<Diagnostic>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A failure of `kind`. The message is a lower-case fragment.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, diagnostics: Vec::new(), source: None }
    }

    /// A wrong input.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Kind::Input, message)
    }

    /// Wrong inputs, each with its place.
    pub fn invalid(diagnostics: Vec<Diagnostic>) -> Self {
        let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
        let noun = if errors == 1 { "error" } else { "errors" };
        Self { diagnostics, ..Self::input(format!("{errors} {noun} in the input")) }
    }

    /// A file of the tool's own, or of the user's, could not be read or written.
    pub fn storage(message: impl Into<String>, source: impl StdError + Send + Sync + 'static) -> Self {
        Self::new(Kind::Storage, message).because(source)
    }

    /// The same failure, with its cause.
    #[must_use]
    pub fn because(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// The same failure, with what to type next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What sort of failure it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What to type next, if that is known.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The findings behind it, if it stands for several.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The message and its causes in one line.
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut cause: Option<&dyn StdError> = self.source();
        while let Some(error) = cause {
            let next = error.to_string();
            if !text.ends_with(&next) {
                text.push_str(": ");
                text.push_str(&next);
            }
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
