//! Why an assert could not decide. None of this is a failed assert, and `not-` never turns it into a passed one.

use super::program::EmbedDenied;
use crate::domain::{Kind, Place, Unscored};
use crate::render::RenderError;

/// Why an assert could not decide.
#[derive(Debug, thiserror::Error)]
pub enum AssertFault {
    /// The value is a template that could not be rendered for this case.
    #[error("failed to render the value of `{kind}`: {source}")]
    Render {
        /// The assert's type as written.
        kind: String,
        /// Why.
        source: Box<RenderError>,
        /// Where the assert stands.
        place: Place,
    },
    /// The assert cannot be used as it stands, or not for this case: a rendered pattern that is no regular
    /// expression, a rendered value that is not JSON, a case without `relevant` under `context-recall`.
    #[error("`{kind}` cannot be decided: {message}")]
    Value {
        /// The assert's type as written.
        kind: String,
        /// A lower-case fragment.
        message: String,
        /// Where the assert stands.
        place: Place,
    },
    /// The answer has no known price or no known latency, and the assert is about it.
    #[error("`{kind}` cannot be decided: {message}")]
    Unmeasured {
        /// The assert's type as written.
        kind: String,
        /// A lower-case fragment.
        message: &'static str,
    },
    /// The program of an `exec` assert could not be run, failed, ran out of time, or wrote something else than a
    /// decision.
    #[error("the program of `{kind}` {message}")]
    Program {
        /// The assert's type as written.
        kind: String,
        /// What happened, after "the program"; nothing secret in it.
        message: String,
    },
    /// The call for the embeddings of `similar` brought none.
    #[error("no embedding for `{kind}`: {denied}")]
    NotEmbedded {
        /// The assert's type as written.
        kind: String,
        /// Why.
        denied: EmbedDenied,
    },
    /// The embeddings of `similar` cannot be compared.
    #[error("no embedding for `{kind}`: {message}")]
    Embedding {
        /// The assert's type as written.
        kind: String,
        /// What happened; nothing secret in it.
        message: String,
    },
}

impl AssertFault {
    /// What the trial becomes. `None` when the input is wrong and has to be changed: then the run ends with an input
    /// error, for no number of trials could be graded.
    pub fn unscored(&self) -> Option<Unscored> {
        match self {
            Self::Render { .. } | Self::Value { .. } => None,
            Self::NotEmbedded { denied: EmbedDenied::Unscored { reason, .. }, .. } => Some(*reason),
            Self::Unmeasured { .. }
            | Self::Program { .. }
            | Self::Embedding { .. }
            | Self::NotEmbedded { .. } => Some(Unscored::JudgeError),
        }
    }

    /// The kind of error that it is where it ends a run.
    pub fn error_kind(&self) -> Kind {
        if self.unscored().is_none() { Kind::Input } else { Kind::NoVerdict }
    }

    /// Where the input is wrong, if it is.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Render { source, place, .. } => Some(source.place.as_ref().unwrap_or(place)),
            Self::Value { place, .. } => Some(place),
            Self::Unmeasured { .. }
            | Self::Program { .. }
            | Self::Embedding { .. }
            | Self::NotEmbedded { .. } => None,
        }
    }
}
