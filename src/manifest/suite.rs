//! Suites.

use super::assert::Assert;
use super::cases::CaseSet;
use super::prompt::{About, Dimension, Prompt};
use crate::domain::{ModelId, Place, PromptName, ProviderName, RelPath, Scale, SuiteName};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A seeded sample of the cases.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample {
    /// How many cases.
    pub size: u32,
    /// The seed; the same seed takes the same cases on every machine.
    pub seed: u64,
    /// A tag whose values keep their shares.
    pub stratify_by: Option<String>,
}

/// A judge, resolved: model, rubric and dimensions are settled.
#[derive(Clone, PartialEq, Debug)]
pub struct Judge {
    /// The pinned model that judges.
    pub model: ModelId,
    /// Its provider.
    pub provider: ProviderName,
    /// The rubric.
    pub rubric: Arc<Prompt>,
    /// The dimensions of this suite, in its order, each complete.
    pub dimensions: Vec<Dimension>,
    /// The scale.
    pub scale: Scale,
    /// Calls per answer; scores are their mean.
    pub repeats: u32,
    /// Whether the model under test may judge itself.
    pub allow_self: bool,
    /// Where `judge:` stands.
    pub place: Place,
}

/// What is compared with `eval_score_required`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DecideOn {
    /// The mean.
    #[default]
    Mean,
    /// The one-sided lower bound at `confidence`.
    LowerBound,
}

/// How many trials may stay unscored.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Allowance {
    /// This many.
    Count(u32),
    /// This share, 0 to 1.
    Share(f64),
}

/// Limits on retrieval metrics: minimums, but for `stale_fraction`.
#[derive(Clone, PartialEq, Debug, Default)]
#[expect(missing_docs, reason = "the fields are the keys of the same names, each from 0 to 1")]
pub struct RetrievalTerms {
    pub recall_at_k: Option<f64>,
    pub precision_at_k: Option<f64>,
    pub mrr: Option<f64>,
    pub ndcg: Option<f64>,
    pub map: Option<f64>,
    /// A maximum.
    pub stale_fraction: Option<f64>,
}

/// How well a judge has to agree with human labels.
#[derive(Clone, PartialEq, Debug)]
pub struct CalibrationTerms {
    /// The least quadratic weighted kappa.
    pub min_kappa: Option<f64>,
    /// The greatest absolute mean of judge − human.
    pub max_bias: Option<f64>,
    /// The least number of labels.
    pub min_labels: Option<u32>,
}

/// What a gate demands beside `eval_score_required`.
#[derive(Clone, PartialEq, Debug)]
pub struct GateTerms {
    /// What is compared with the threshold.
    pub decide_on: DecideOn,
    /// Of intervals and of the lower bound, between 0 and 1.
    pub confidence: f64,
    /// The share of asserts that has to pass, by weight, 0 to 1.
    pub asserts_required: f64,
    /// Minimum pass rate per named assert; `refusal_rate` is a maximum.
    pub metrics: BTreeMap<String, f64>,
    /// Limits on retrieval.
    pub retrieval: RetrievalTerms,
    /// No scored case below this score.
    pub case_floor: Option<f64>,
    /// How many trials may stay unscored.
    pub max_unscored: Allowance,
    /// The margin of the comparison with the baseline.
    pub max_regression: Option<f64>,
    /// The least number of cases.
    pub min_cases: u32,
    /// Agreement that the judge has to have shown.
    pub require_calibration: Option<CalibrationTerms>,
}

impl Default for GateTerms {
    fn default() -> Self {
        Self {
            decide_on: DecideOn::Mean,
            confidence: 0.95,
            asserts_required: 1.0,
            metrics: BTreeMap::new(),
            retrieval: RetrievalTerms::default(),
            case_floor: None,
            max_unscored: Allowance::Count(0),
            max_regression: None,
            min_cases: 1,
            require_calibration: None,
        }
    }
}

/// A suite, checked and linked.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The path under the evals folder without extension.
    pub name: SuiteName,
    /// The suite's file.
    pub path: RelPath,
    /// As written.
    pub version: String,
    /// The prompt it tests.
    pub prompt: PromptName,
    /// Its cases, before `sample`.
    pub cases: CaseSet,
    /// Trials per case; at least 1.
    pub trials: u32,
    /// Which cases to take.
    pub sample: Option<Sample>,
    /// Asserts for every case.
    pub asserts: Vec<Assert>,
    /// The judge, if it has one.
    pub judge: Option<Judge>,
    /// What the gate demands.
    pub gate: GateTerms,
    /// Free texts.
    pub about: About,
    /// Where `prompt:` stands.
    pub prompt_place: Place,
    /// Where `gate:` stands, or else the file.
    pub gate_place: Place,
}
