//! The worst cases, kept in bounded memory while trials stream by.

use super::case::CaseTally;
use crate::domain::{CaseId, Grade, TrialRecord};
use std::cmp::Ordering;

/// One of the worst cases.
#[derive(Clone, PartialEq, Debug)]
pub struct CaseRow {
    /// Its place in the plan, from 0.
    pub index: usize,
    /// Its id.
    pub id: CaseId,
    /// The mean of its trials; `None` when the judge scored none.
    pub score: Option<f64>,
    /// How many asserts failed, over its trials.
    pub failed: u32,
    /// What the failed asserts found, of one trial.
    pub asserts: Vec<String>,
    /// The judge's reason, of its worst trial.
    pub reason: Option<String>,
    worst_trial: Option<f64>,
}

/// Failed asserts first, then the lower score, then plan order.
fn rank(a: &CaseRow, b: &CaseRow) -> Ordering {
    let score = |row: &CaseRow| row.score.unwrap_or(f64::INFINITY);
    (b.failed > 0)
        .cmp(&(a.failed > 0))
        .then_with(|| score(a).total_cmp(&score(b)))
        .then_with(|| b.failed.cmp(&a.failed))
        .then_with(|| a.index.cmp(&b.index))
}

/// The `k` worst of the cases seen so far.
#[derive(Clone, PartialEq, Debug)]
pub struct Worst {
    k: usize,
    rows: Vec<CaseRow>,
}

impl Worst {
    pub(super) fn new(k: usize) -> Self {
        Self { k, rows: Vec::new() }
    }

    /// The worst cases, the worst first. Cases without a grade are not among them.
    pub fn rows(&self) -> &[CaseRow] {
        &self.rows[..self.rows.len().min(self.k)]
    }

    /// Looks at a trial that `case` already counts. One row more than asked for is kept, so that a case whose later
    /// trials turn out better has not pushed another one out.
    pub(super) fn see(&mut self, case: &CaseTally, record: &TrialRecord) {
        let Grade::Scored { asserts, judgement } = &record.grade else { return };
        let known = self.rows.iter().position(|row| row.id == case.id);
        let before = known.map(|at| self.rows.remove(at));
        let score = judgement.as_ref().and_then(|judgement| judgement.score);
        let mut row = before.unwrap_or_else(|| CaseRow {
            index: case.index,
            id: case.id.clone(),
            score: None,
            failed: 0,
            asserts: Vec::new(),
            reason: None,
            worst_trial: None,
        });
        row.score = case.mean();
        row.failed = case.asserts.failed;
        if row.asserts.is_empty() {
            row.asserts = asserts.iter().filter(|a| !a.passed).map(|a| a.reason.clone()).collect();
        }
        if let (Some(score), Some(judgement)) = (score, judgement)
            && row.worst_trial.is_none_or(|worst| score < worst)
        {
            row.worst_trial = Some(score);
            row.reason = Some(judgement.reason.clone());
        }
        self.insert(row);
    }

    fn insert(&mut self, row: CaseRow) {
        let at = self.rows.partition_point(|have| rank(have, &row).is_lt());
        self.rows.insert(at, row);
        self.rows.truncate(self.k + 1);
    }

    /// Adds the rows of another part of the run; a case that both parts saw keeps its worse row.
    pub(super) fn merge(&mut self, other: Self) {
        for row in other.rows {
            match self.rows.iter().position(|have| have.id == row.id) {
                Some(at) if rank(&self.rows[at], &row).is_le() => {}
                Some(at) => {
                    self.rows.remove(at);
                    self.insert(row);
                }
                None => self.insert(row),
            }
        }
    }
}
