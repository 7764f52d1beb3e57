//! What a run says while it goes: records in plan order, and what it is doing.

use crate::domain::{Result, TrialRecord};

/// Whoever follows a run: progress bars, the run's files, the tallies. Records arrive in plan order.
pub trait Reporter {
    /// A trial is finished.
    ///
    /// # Errors
    /// When the record cannot be kept; the run then ends.
    fn trial(&mut self, record: &TrialRecord) -> Result<()>;

    /// A trial finished, in order of arrival: for progress only.
    fn arrived(&mut self, record: &TrialRecord);
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Every planned trial has a record.
    Complete,
    /// The user interrupted; what was under way was finished.
    Interrupted,
}
