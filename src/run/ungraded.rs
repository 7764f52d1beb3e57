//! Why a trial has no grade: whatever failed outside, as the reason and one line that a report shows.

use super::deadline::Deadline;
use crate::call::{CallFailure, FailureKind};
use crate::domain::grade::CallRole;
use crate::domain::{Grade, Unscored};
use crate::grade::judge::JudgeFault;

/// A reason and its line.
pub(super) struct Ungraded {
    pub reason: Unscored,
    pub detail: String,
}

impl Ungraded {
    pub fn into_grade(self) -> Grade {
        Grade::Unscored { reason: self.reason, detail: self.detail }
    }
}

pub(super) fn not_recorded(what: &str) -> Ungraded {
    let detail = format!("offline, and {what} neither stored nor recorded");
    Ungraded { reason: Unscored::NotRecorded, detail }
}

pub(super) fn out_of_time(deadline: &Deadline) -> Ungraded {
    let detail = format!("the time of the run was over (--max-time {})", deadline.allowed().as_secs());
    Ungraded { reason: Unscored::Timeout, detail }
}

pub(super) fn cost_limit() -> Ungraded {
    let detail = "the next call could exceed the cost limit".to_owned();
    Ungraded { reason: Unscored::CostLimit, detail }
}

pub(super) fn failed(failure: CallFailure, role: CallRole) -> Ungraded {
    let reason = match (role, failure.kind) {
        (CallRole::Judge, _) => Unscored::JudgeError,
        (CallRole::Answer | CallRole::Embedding, FailureKind::Timeout) => Unscored::Timeout,
        (CallRole::Answer | CallRole::Embedding, _) => Unscored::ProviderError,
    };
    Ungraded { reason, detail: failure.detail }
}

pub(super) fn ungradable(fault: &JudgeFault) -> Ungraded {
    Ungraded { reason: fault.unscored(), detail: format!("the judge's reply cannot be used: {fault}") }
}
