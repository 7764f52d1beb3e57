//! Why a program, a team's own endpoint or a built-in model gave no reply.

/// Where it went wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// The program could not be started, or the provider is not configured.
    Start,
    /// The request could not be handed over, or the reply could not be taken.
    Send,
    /// The program ended with a status other than 0, or by a signal.
    Exit,
    /// It did not answer in time.
    Timeout,
    /// What came back is not a reply.
    Decode,
    /// What came back is larger than a reply may be.
    TooLarge,
}

/// A failure that is no answer. The message is a lower-case fragment and names its stage.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct LocalFault {
    /// Where it went wrong.
    pub stage: Stage,
    /// What happened.
    pub message: String,
}

impl LocalFault {
    /// A failure at `stage`.
    pub fn new(stage: Stage, message: impl Into<String>) -> Self {
        Self { stage, message: message.into() }
    }
}
