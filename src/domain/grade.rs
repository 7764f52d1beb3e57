//! What came of a trial.

use super::case::Chunk;
use super::digest::Digest;
use super::exchange::{FinishReason, Source, Usage};
use super::ids::{CaseId, DimensionName, ModelId};
use super::money::Usd;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why a trial has no grade. None of these is a score, a zero, or a reason to leave the denominator.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unscored {
    /// The provider of the model under test, or of its retrieval, failed.
    ProviderError,
    /// It did not answer in time.
    Timeout,
    /// The judge's provider failed.
    JudgeError,
    /// The judge answered something that is not a grade, twice.
    JudgeUnparseable,
    /// The judge refused.
    JudgeRefusal,
    /// The cost limit was reached before this trial.
    CostLimit,
    /// Offline, and neither stored nor recorded.
    NotRecorded,
    /// `--outputs` has no answer for this case.
    NoOutput,
}

impl Unscored {
    /// The word for it in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProviderError => "provider_error",
            Self::Timeout => "timeout",
            Self::JudgeError => "judge_error",
            Self::JudgeUnparseable => "judge_unparseable",
            Self::JudgeRefusal => "judge_refusal",
            Self::CostLimit => "cost_limit",
            Self::NotRecorded => "not_recorded",
            Self::NoOutput => "no_output",
        }
    }
}

/// The result of one assert on one answer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AssertOutcome {
    /// The assert's type as written, `not-` included.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it passed.
    pub passed: bool,
    /// From 0 to 1 for graded asserts, the measured value for measured ones, else `None`.
    pub score: Option<f64>,
    /// The threshold it was held against, where it has one.
    pub threshold: Option<f64>,
    /// The name given by `metric`.
    pub metric: Option<String>,
    /// Weight among the asserts.
    pub weight: f64,
    /// One line: what was found.
    pub reason: String,
    /// The texts that the answer should hold and does not: of each group, one would do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacking: Vec<Vec<String>>,
}

/// What the judge said of one answer.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Judgement {
    /// Mean over repeats per dimension; `None` where it was not applicable to this case.
    pub dimensions: BTreeMap<DimensionName, Option<f64>>,
    /// Weighted mean of the scored dimensions; `None` when none was applicable.
    pub score: Option<f64>,
    /// The judge's rationale, of the first repeat.
    pub reason: String,
    /// Whether a reply had to be read leniently.
    pub lenient: bool,
    /// Models that the judge's provider reported.
    pub reported: Vec<ModelId>,
}

/// What came of a trial: scored, or unscored with a reason.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// The answer was graded.
    Scored {
        /// Every assert, suite's first, then the case's own.
        asserts: Vec<AssertOutcome>,
        /// The judge's scores; `None` without a judge.
        judgement: Option<Judgement>,
    },
    /// There is no grade.
    Unscored {
        /// Why.
        reason: Unscored,
        /// The failure in one line, with nothing secret in it.
        detail: String,
    },
}

/// One call of a trial, for the counts of a report.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CallRecord {
    /// Whether the model under test, the judge or an embedder was called.
    pub role: CallRole,
    /// Where the reply came from.
    pub source: Source,
    /// The exchange's key.
    pub key: Digest,
    /// Failed attempts before it.
    pub retries: u32,
    /// Milliseconds; the original ones when it was not live.
    pub latency_ms: u64,
    /// Token counts.
    pub usage: Usage,
    /// The price as if live; `None` when the model has no price, or its usage was not reported.
    pub cost: Option<Usd>,
}

impl CallRecord {
    /// Whether the provider reported what a price is put to; embeddings have no output.
    pub fn reports_usage(&self) -> bool {
        self.usage.input.is_some() && (self.usage.output.is_some() || self.role == CallRole::Embedding)
    }
}

/// Who was called.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallRole {
    /// The model under test.
    Answer,
    /// The judge.
    Judge,
    /// An embedding model.
    Embedding,
}

/// Everything about one finished trial. Records leave a run in plan order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TrialRecord {
    /// Which gate of the plan, from 0.
    pub gate: usize,
    /// Which case of the gate's plan, from 0.
    pub case: usize,
    /// The case's id.
    pub id: CaseId,
    /// Which trial of the case, from 0.
    pub trial: u32,
    /// Whether this case alone blocks.
    #[serde(default)]
    pub critical: bool,
    /// The case's weight.
    pub weight: f64,
    /// The case's labels.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// What came of it.
    pub grade: Grade,
    /// The answer, if there is one.
    pub output: Option<String>,
    /// Why the answer ended, if there is one.
    pub finish: Option<FinishReason>,
    /// Whether the answer is a refusal, if there is one.
    #[serde(default)]
    pub refused: Option<bool>,
    /// The model as reported, if the provider says.
    #[serde(default)]
    pub reported: Option<ModelId>,
    /// What the model was shown as context.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<Chunk>,
    /// Sources that should have been found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relevant: Vec<String>,
    /// Whether the case itself gave the context, so that nothing was retrieved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// The calls of this trial, failed ones not included.
    pub calls: Vec<CallRecord>,
    /// Failed attempts of calls that never succeeded.
    #[serde(default)]
    pub failed_attempts: u32,
}
