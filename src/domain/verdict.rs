//! What a gate decides.

use super::diagnostic::Code;
use super::exit::Exit;

/// One reason why a gate failed or has no verdict, in one plain sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Breach {
    /// The stable code, for example `score-below-threshold`.
    pub code: Code,
    /// What happened, with the numbers.
    pub message: String,
}

/// The decision for one prompt on one suite.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Everything demanded holds.
    Passed,
    /// Something demanded does not hold, whatever is still missing.
    Failed {
        /// Everything that does not hold; never empty.
        breaches: Vec<Breach>,
    },
    /// It cannot be told.
    Inconclusive {
        /// Why it cannot be told; never empty.
        why: Vec<Breach>,
    },
}

impl Verdict {
    /// The word for it in reports.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed { .. } => "failed",
            Self::Inconclusive { .. } => "inconclusive",
        }
    }

    /// The exit of a command that ended in this verdict.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Passed => Exit::Done,
            Self::Failed { .. } => Exit::Failed,
            Self::Inconclusive { .. } => Exit::NoVerdict,
        }
    }

    /// The reasons behind it; empty when it passed.
    pub fn reasons(&self) -> &[Breach] {
        match self {
            Self::Passed => &[],
            Self::Failed { breaches } => breaches,
            Self::Inconclusive { why } => why,
        }
    }

    /// The worse of two: failed, else inconclusive, else passed.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Inconclusive { .. } => 1,
            Self::Failed { .. } => 2,
        }
    }
}
