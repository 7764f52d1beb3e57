//! Trials finish in any order and leave in plan order.

use crate::domain::TrialRecord;
use std::collections::BTreeMap;

/// Holds finished records until those before them are finished too.
#[derive(Debug, Default)]
pub struct Reorder {
    next: usize,
    held: BTreeMap<usize, TrialRecord>,
}

impl Reorder {
    /// The ordinal that leaves next.
    pub fn next(&self) -> usize {
        self.next
    }

    /// Takes a finished record; returns those that may leave now, in order.
    pub fn push(&mut self, ordinal: usize, record: TrialRecord) -> Vec<TrialRecord> {
        self.held.insert(ordinal, record);
        let mut free = Vec::new();
        while let Some(record) = self.held.remove(&self.next) {
            self.next += 1;
            free.push(record);
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CaseId, Grade, Unscored};

    fn record(case: usize) -> TrialRecord {
        TrialRecord {
            gate: 0,
            case,
            id: CaseId::new(case.to_string()),
            trial: 0,
            critical: false,
            weight: 1.0,
            tags: BTreeMap::new(),
            grade: Grade::Unscored { reason: Unscored::Timeout, detail: String::new() },
            output: None,
            finish: None,
            refused: None,
            reported: None,
            context: Vec::new(),
            relevant: Vec::new(),
            pinned: false,
            calls: Vec::new(),
            failed_attempts: 0,
        }
    }

    #[test]
    fn records_leave_in_plan_order_and_none_is_lost() {
        let mut reorder = Reorder::default();
        let mut left = Vec::new();
        for ordinal in [2, 0, 4, 1] {
            left.extend(reorder.push(ordinal, record(ordinal)).into_iter().map(|record| record.case));
        }
        assert_eq!((&*left, reorder.next()), (&[0, 1, 2][..], 3), "what waits for another does not leave");
        left.extend(reorder.push(3, record(3)).into_iter().map(|record| record.case));
        assert_eq!(left, [0, 1, 2, 3, 4]);
    }
}
