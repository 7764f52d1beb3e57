//! One trial of a case, as reports carry it.

use crate::domain::exchange::Source;
use crate::domain::grade::CallRole;
use crate::domain::{AssertOutcome, Grade, TrialRecord, Unscored, Usd};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One trial of a case.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The case's id.
    pub id: String,
    /// Which trial of it, from 0.
    pub trial: u32,
    /// What came of it.
    pub status: Status,
    /// Where the answer came from; `None` when there is none.
    pub source: Option<Source>,
    /// The judge score, on the judge's scale.
    pub score: Option<f64>,
    /// Scores per dimension; `None` where it did not apply.
    pub dimensions: BTreeMap<String, Option<f64>>,
    /// The judge's rationale.
    pub judge_reason: Option<String>,
    /// Every assert, the suite's first.
    pub asserts: Vec<Assert>,
    /// The answer.
    pub output: Option<String>,
    /// Why there is no grade.
    pub unscored_reason: Option<Unscored>,
    /// Milliseconds of the answer; the original ones when it was stored.
    pub latency_ms: Option<u64>,
    /// The price of all its calls, as if live; `None` when one of them has no price.
    pub cost_usd: Option<Usd>,
    /// The case's labels.
    pub tags: BTreeMap<String, String>,
    /// Weight in the gate's mean.
    pub weight: f64,
    /// The whole record, in reports of shards alone: `merge` decides from records, not from summaries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<TrialRecord>>,
}

/// What came of a trial.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// An assert failed, or the score is below `case_floor`.
    Failed,
    /// There is no grade: an outage, never a bad answer.
    Unscored,
    /// Neither.
    Passed,
}

impl Status {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Unscored => "unscored",
            Self::Passed => "passed",
        }
    }
}

/// One assert on one answer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assert {
    /// Its type as written, `not-` included.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it passed.
    pub passed: bool,
    /// Its number, where it has one.
    pub score: Option<f64>,
    /// What the number was held against.
    pub threshold: Option<f64>,
    /// The name given by `metric`.
    pub metric: Option<String>,
    /// What was found, in one line.
    pub reason: String,
}

impl From<&AssertOutcome> for Assert {
    fn from(outcome: &AssertOutcome) -> Self {
        Self {
            kind: outcome.kind.clone(),
            passed: outcome.passed,
            score: outcome.score,
            threshold: outcome.threshold,
            metric: outcome.metric.clone(),
            reason: outcome.reason.clone(),
        }
    }
}

impl Case {
    /// A finished trial as reports carry it. `case_floor` is the suite's: a scored case below it is `failed`.
    ///
    /// An unscored trial has no `judge_reason`; the failure's own line stands there, because it is the one thing
    /// that a reader needs and that no other field says.
    pub fn of_trial(record: &TrialRecord, case_floor: Option<f64>) -> Self {
        let answer = record.calls.iter().find(|call| call.role == CallRole::Answer);
        let (mut asserts, mut dimensions, mut score, mut reason) = (vec![], BTreeMap::new(), None, None);
        let mut unscored_reason = None;
        match &record.grade {
            Grade::Scored { asserts: outcomes, judgement } => {
                asserts = outcomes.iter().map(Assert::from).collect();
                if let Some(judgement) = judgement {
                    score = judgement.score;
                    reason = Some(judgement.reason.clone());
                    dimensions =
                        judgement.dimensions.iter().map(|(name, mean)| (name.to_string(), *mean)).collect();
                }
            }
            Grade::Unscored { reason: why, detail } => {
                unscored_reason = Some(*why);
                reason = (!detail.is_empty()).then(|| detail.clone());
            }
        }
        let below = match (score, case_floor) {
            (Some(score), Some(floor)) => !crate::domain::score::reaches(score, floor),
            _ => false,
        };
        let status = if unscored_reason.is_some() {
            Status::Unscored
        } else if below || asserts.iter().any(|assert| !assert.passed) {
            Status::Failed
        } else {
            Status::Passed
        };
        let priced = !record.calls.is_empty() && record.calls.iter().all(|call| call.cost.is_some());
        Self {
            id: record.id.to_string(),
            trial: record.trial,
            status,
            source: answer.map(|call| call.source),
            score,
            dimensions,
            judge_reason: reason,
            asserts,
            output: record.output.clone(),
            unscored_reason,
            latency_ms: answer.map(|call| call.latency_ms),
            cost_usd: priced.then(|| record.calls.iter().filter_map(|call| call.cost).sum()),
            tags: record.tags.clone(),
            weight: record.weight,
            record: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::grade::Judgement;

    fn record(grade: Grade) -> TrialRecord {
        TrialRecord {
            gate: 0,
            case: 0,
            id: "a".into(),
            trial: 0,
            critical: false,
            weight: 1.0,
            tags: BTreeMap::new(),
            grade,
            output: Some("yes".into()),
            finish: None,
            refused: None,
            reported: None,
            context: vec![],
            relevant: vec![],
            pinned: false,
            calls: vec![],
            failed_attempts: 0,
        }
    }

    fn judged(score: f64) -> Grade {
        let judgement = Judgement { score: Some(score), reason: "so".into(), ..Judgement::default() };
        Grade::Scored { asserts: vec![], judgement: Some(judgement) }
    }

    #[test]
    fn a_case_fails_below_the_floor_and_not_at_it() {
        assert_eq!(Case::of_trial(&record(judged(2.0)), Some(2.0)).status, Status::Passed);
        assert_eq!(Case::of_trial(&record(judged(1.5)), Some(2.0)).status, Status::Failed);
        assert_eq!(Case::of_trial(&record(judged(1.5)), None).status, Status::Passed);
    }

    #[test]
    fn a_case_fails_by_an_assert() {
        let assert = AssertOutcome {
            kind: "contains".into(),
            passed: false,
            score: None,
            threshold: None,
            metric: None,
            weight: 1.0,
            reason: "not found".into(),
            lacking: Vec::new(),
        };
        let grade = Grade::Scored { asserts: vec![assert], judgement: None };
        assert_eq!(Case::of_trial(&record(grade), None).status, Status::Failed);
    }

    #[test]
    fn an_outage_is_unscored_and_has_no_number() {
        let grade = Grade::Unscored { reason: Unscored::Timeout, detail: "no answer within 120 s".into() };
        let case = Case::of_trial(&record(grade), Some(2.0));
        assert_eq!((case.status, case.score, case.cost_usd), (Status::Unscored, None, None));
        assert_eq!(case.judge_reason.as_deref(), Some("no answer within 120 s"));
    }
}
