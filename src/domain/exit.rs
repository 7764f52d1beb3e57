//! Exit codes: one list for every verb.

use serde::{Deserialize, Serialize};

/// How a command ended. The report format never changes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Exit {
    /// Done, passed, or nothing affected.
    Done,
    /// What was checked does not hold.
    Failed,
    /// The input is wrong: usage, manifest, template, lock, unknown revision.
    Input,
    /// No verdict: provider or judge failures, cost limit, offline and not recorded.
    NoVerdict,
    /// A selection that was named matched nothing.
    NoMatch,
    /// Interrupted; what finished is kept.
    Interrupted,
}

impl Exit {
    /// The exit with this code; one that no exit has tells nothing.
    pub fn of_code(code: u8) -> Self {
        let all = [Self::Done, Self::Failed, Self::Input, Self::NoVerdict, Self::NoMatch, Self::Interrupted];
        all.into_iter().find(|exit| exit.code() == code).unwrap_or(Self::NoVerdict)
    }

    /// The process exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Input => 2,
            Self::NoVerdict => 3,
            Self::NoMatch => 4,
            Self::Interrupted => 130,
        }
    }
}
