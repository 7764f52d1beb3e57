//! The decision for one prompt on one suite, as reports carry it.

use super::Verdict;
use crate::domain::Usd;
use crate::domain::model::Pin;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One prompt on one suite, without its cases.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The prompt.
    pub prompt: PromptRef,
    /// The suite.
    pub suite: Versioned,
    /// The model under test.
    pub model: ModelRef,
    /// The judge, if there is one.
    pub judge: Option<JudgeRef>,
    /// The retrieval configuration, if there is one.
    pub retrieval: Option<Versioned>,
    /// What was decided.
    pub verdict: Verdict,
    /// `eval_score_required`, on the judge's scale.
    pub required: Option<f64>,
    /// The judge score.
    pub score: Option<Score>,
    /// Scores per dimension, in the order of the rubric.
    pub dimensions: Vec<Dimension>,
    /// Pass rates of named asserts, and other named measures.
    pub metrics: BTreeMap<String, Option<f64>>,
    /// Asserts over all cases.
    pub asserts: AssertCounts,
    /// How often each case was run.
    #[serde(default = "once")]
    pub trials: u32,
    /// Trials planned.
    pub cases_planned: u64,
    /// Trials with a grade.
    pub cases_scored: u64,
    /// Trials without one.
    pub cases_unscored: u64,
    /// The mean, had every unscored case the highest score.
    pub best_case_mean: Option<f64>,
    /// The mean, had every unscored case the lowest score.
    pub worst_case_mean: Option<f64>,
    /// Why it failed or has no verdict.
    pub breaches: Vec<Breach>,
    /// The comparison with the baseline, if there was one.
    pub baseline: Option<Baseline>,
    /// Tokens and money.
    pub usage: Usage,
    /// Latency of answers.
    pub latency_ms: Latency,
    /// Where replies came from.
    pub calls: Calls,
    /// Retrieval metrics, where cases name what is relevant.
    pub retrieval_metrics: Option<RetrievalMetrics>,
    /// What the suite demands of them; `None` where it demands nothing.
    #[serde(default)]
    pub retrieval_required: Option<RetrievalRequired>,
}

/// A prompt as it was tested.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptRef {
    /// Its name.
    pub name: String,
    /// Its version, as written.
    pub version: String,
    /// Its file, from the root.
    pub path: String,
    /// Its digest.
    pub digest: String,
}

/// A suite or a retrieval configuration as it was used.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versioned {
    /// Its name.
    pub name: String,
    /// Its version, as written.
    pub version: String,
    /// Its digest.
    pub digest: String,
}

/// The model under test.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRef {
    /// The model as asked for.
    pub target: String,
    /// The provider's name.
    pub provider: String,
    /// How it is pinned.
    pub pin: Pin,
    /// The models that the provider reported, sorted.
    pub reported: Vec<String>,
}

/// The judge.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgeRef {
    /// The judge's model.
    pub model: String,
    /// The provider's name.
    pub provider: String,
    /// The digest of rubric, model, parameters, dimensions and scale.
    pub digest: String,
    /// What this judge has shown against human labels; `None` where there is no record of it.
    #[serde(default)]
    pub calibration: Option<CalibrationRef>,
}

/// The calibration record of a judge.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationRef {
    /// Its file, from the root.
    pub path: String,
    /// Its digest.
    pub digest: String,
    /// The day of the calibration, ISO 8601.
    pub date: String,
    /// Labels that it rests on.
    pub labels: u64,
    /// Quadratic weighted kappa over all dimensions in one pool.
    pub kappa: Option<f64>,
    /// Mean of judge − human over all dimensions in one pool, in points.
    pub bias: Option<f64>,
}

/// The judge score of a gate, on the judge's scale.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// Weighted mean over cases.
    pub mean: f64,
    /// Its standard error; `None` below two cases.
    pub stderr: Option<f64>,
    /// The lower end of its interval.
    pub ci_low: Option<f64>,
    /// The upper end of its interval.
    pub ci_high: Option<f64>,
    /// Cases behind it.
    pub n: u64,
    /// The chance, 0 to 0.5, that two runs disagree; `None` below two trials.
    pub rerun_disagreement: Option<f64>,
    /// The one-sided lower bound over the scored cases, where the gate decides by it.
    #[serde(default)]
    pub lower_bound: Option<f64>,
}

/// The score of one dimension.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// Its name.
    pub name: String,
    /// Weighted mean over the cases it applies to; `None` when it applied to none.
    pub mean: Option<f64>,
    /// Its standard error.
    pub stderr: Option<f64>,
    /// The lower end of its interval.
    pub ci_low: Option<f64>,
    /// The upper end of its interval.
    pub ci_high: Option<f64>,
    /// Cases behind it.
    pub n: u64,
    /// What the suite requires of it.
    pub required: Option<f64>,
}

/// Asserts over all cases.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssertCounts {
    /// How many passed.
    pub passed: u64,
    /// How many failed.
    pub failed: u64,
    /// The share that passed, 0 to 1, by weight; `None` when there are none.
    pub rate: Option<f64>,
}

/// One reason why a gate failed or has no verdict.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breach {
    /// The stable code.
    pub code: String,
    /// What happened, with the numbers.
    pub message: String,
}

/// The comparison with the same prompt as of another revision, paired by case.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The revision.
    pub rev: String,
    /// Its mean.
    pub mean: Option<f64>,
    /// This mean less its mean, over pairs.
    pub delta: Option<f64>,
    /// The lower end of the delta's interval.
    pub ci_low: Option<f64>,
    /// The upper end of the delta's interval.
    pub ci_high: Option<f64>,
    /// Of the paired test, two-sided.
    pub p_value: Option<f64>,
    /// Cases that got worse.
    pub worse: Vec<String>,
    /// Cases that got better.
    pub better: Vec<String>,
    /// What the baseline had for each case of a shard, in reports of shards alone: `merge` pairs all cases anew. `None`
    /// there says that the baseline gave nothing to pair with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cases: Option<Vec<BaselineCase>>,
    /// What it retrieved, measured as this side's is; `None` where nothing was measured.
    #[serde(default)]
    pub retrieval_metrics: Option<RetrievalMetrics>,
    /// What its own live calls cost, which are in no usage; `None` where it made none, or that is not known.
    #[serde(default)]
    pub spent_usd: Option<Usd>,
}

/// One case as the baseline had it; only cases of which every trial has a grade.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineCase {
    /// The case's id.
    pub id: String,
    /// The mean of its trials; `None` where the judge scored none.
    pub score: Option<f64>,
    /// Whether all its asserts passed.
    pub passed: bool,
}

/// Tokens and money of a gate, the judge's included.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Input tokens, as reported.
    pub input_tokens: Option<u64>,
    /// Output tokens, as reported.
    pub output_tokens: Option<u64>,
    /// Of the input, tokens that a provider read from its cache.
    pub cached_tokens: Option<u64>,
    /// Of the output, tokens spent on reasoning.
    pub reasoning_tokens: Option<u64>,
    /// Every reply, priced as if live.
    pub cost_usd: Option<Usd>,
    /// The live replies alone.
    pub spent_usd: Option<Usd>,
    /// Calls without a price, which no cost includes: their model has none, or their usage was not reported.
    pub unpriced_calls: u64,
    /// Of these, calls for which the provider reported no usage. Reports of earlier versions do not say.
    #[serde(default)]
    pub unreported_calls: u64,
}

/// Latency of the answers of the model under test, in milliseconds. A stored reply keeps its original one.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// The median.
    pub p50: Option<f64>,
    /// The 95th percentile.
    pub p95: Option<f64>,
    /// The longest.
    pub max: Option<f64>,
    /// Answers that were live in this run.
    pub n_live: u64,
}

/// Where replies came from.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calls {
    /// Called now.
    pub live: u64,
    /// From the store of an earlier run.
    pub cached: u64,
    /// From committed recordings.
    pub recorded: u64,
    /// Attempts after the first, also of calls that never succeeded.
    pub retries: u64,
}

/// Retrieval metrics, each from 0 to 1, as trec_eval defines them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the names of the metrics")]
pub struct RetrievalMetrics {
    pub recall_at_k: Option<f64>,
    pub precision_at_k: Option<f64>,
    pub mrr: Option<f64>,
    pub ndcg: Option<f64>,
    pub map: Option<f64>,
    /// Cases that name what is relevant.
    pub n: u64,
}

/// The least that a suite demands of retrieval metrics, and the most of stale chunks.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are the names of the metrics")]
pub struct RetrievalRequired {
    pub recall_at_k: Option<f64>,
    pub precision_at_k: Option<f64>,
    pub mrr: Option<f64>,
    pub ndcg: Option<f64>,
    pub map: Option<f64>,
    pub stale_fraction: Option<f64>,
}

/// A retrieval metric beside what it is held against.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Measure {
    /// As people know it.
    pub name: &'static str,
    /// Unknown where nothing was measured.
    pub value: Option<f64>,
    /// What the baseline had.
    pub before: Option<f64>,
    /// The least that is demanded.
    pub required: Option<f64>,
}

impl RetrievalMetrics {
    /// The metrics of several parts as those of the whole: means over the cases of all; `None` without any.
    pub fn together<'a>(parts: impl Iterator<Item = &'a Self>) -> Option<Self> {
        let parts: Vec<&Self> = parts.filter(|part| part.n > 0).collect();
        let n = parts.iter().map(|part| part.n).sum::<u64>();
        let mean = |of: fn(&Self) -> Option<f64>| {
            let sum: Option<f64> = parts.iter().map(|part| Some(of(part)? * float(part.n))).sum();
            sum.map(|sum| sum / float(n))
        };
        (n > 0).then(|| Self {
            recall_at_k: mean(|part| part.recall_at_k),
            precision_at_k: mean(|part| part.precision_at_k),
            mrr: mean(|part| part.mrr),
            ndcg: mean(|part| part.ndcg),
            map: mean(|part| part.map),
            n,
        })
    }

    /// The metrics as people know them, in a fixed order.
    const NAMES: [&'static str; 5] = ["recall@k", "precision@k", "MRR", "nDCG", "MAP"];

    fn values(&self) -> [Option<f64>; 5] {
        [self.recall_at_k, self.precision_at_k, self.mrr, self.ndcg, self.map]
    }
}

/// Reports that say nothing of trials ran each case once, or name every trial a case.
fn once() -> u32 {
    1
}

impl Gate {
    /// The metrics of what was retrieved that are known or demanded, each with that of the baseline.
    pub fn retrieved(&self) -> Vec<Measure> {
        let values = |metrics: Option<&RetrievalMetrics>| metrics.map_or([None; 5], RetrievalMetrics::values);
        let found = values(self.retrieval_metrics.as_ref());
        let before = values(self.baseline.as_ref().and_then(|base| base.retrieval_metrics.as_ref()));
        let limits = self.retrieval_required.unwrap_or_default();
        let required = [limits.recall_at_k, limits.precision_at_k, limits.mrr, limits.ndcg, limits.map];
        let names = RetrievalMetrics::NAMES.into_iter();
        let all = names.zip(found).zip(before).zip(required);
        all.map(|(((name, value), before), required)| Measure { name, value, before, required })
            .filter(|measure| measure.value.is_some() || measure.required.is_some())
            .collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of cases stay far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}
