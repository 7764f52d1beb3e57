//! A decided gate as reports carry it.

use super::document::View;
use super::v1;
use crate::aggregate::{Estimate, Tally};
use crate::domain::ModelId;
use crate::gate::{Decision, sentence};
use crate::manifest::suite::RetrievalTerms;
use crate::plan::{GatePlan, Selection};
use std::collections::BTreeSet;

/// What a run saw of the models behind a gate.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Reported {
    /// Models that answered.
    pub answers: BTreeSet<ModelId>,
    /// Models that judged.
    pub judges: BTreeSet<ModelId>,
    /// What the judge has shown against human labels.
    pub calibration: Option<v1::CalibrationRef>,
}

/// The machine form of one gate.
pub fn gate(plan: &GatePlan, tally: &Tally, decision: &Decision, reported: &Reported) -> v1::Gate {
    v1::Gate {
        prompt: v1::PromptRef {
            name: plan.prompt.name.to_string(),
            version: plan.prompt.version.clone(),
            path: plan.prompt.path.to_string(),
            digest: plan.digests.prompt.to_string(),
        },
        suite: v1::Versioned {
            name: plan.suite.name.to_string(),
            version: plan.suite.version.clone(),
            digest: plan.digests.suite.to_string(),
        },
        model: v1::ModelRef {
            target: plan.model.to_string(),
            provider: plan.provider.name.to_string(),
            pin: plan.pin,
            reported: reported.answers.iter().map(ToString::to_string).collect(),
        },
        judge: judge(plan, reported),
        retrieval: plan.retrieval.as_ref().map(|retrieval| v1::Versioned {
            name: retrieval.name.to_string(),
            version: retrieval.version.clone(),
            digest: plan.digests.retrieval.map(|digest| digest.to_string()).unwrap_or_default(),
        }),
        verdict: v1::Verdict::from(&decision.verdict),
        required: plan.prompt.required,
        score: score(decision),
        dimensions: dimensions(plan, tally),
        metrics: metrics(tally),
        asserts: v1::AssertCounts {
            passed: tally.asserts.passed,
            failed: tally.asserts.failed,
            rate: tally.asserts.rate(),
        },
        trials: plan.trials,
        cases_planned: wide(plan.planned()),
        cases_scored: tally.trials().saturating_sub(tally.trials_unscored()),
        cases_unscored: tally.trials_unscored(),
        best_case_mean: decision.best_case_mean,
        worst_case_mean: decision.worst_case_mean,
        breaches: breaches(decision),
        baseline: None,
        usage: usage(tally),
        latency_ms: latency(tally),
        calls: v1::Calls {
            live: tally.calls.live,
            cached: tally.calls.cached,
            recorded: tally.calls.recorded,
            retries: tally.calls.retries,
        },
        retrieval_metrics: retrieval_metrics(tally),
        retrieval_required: retrieval_required(&plan.suite.gate.retrieval),
    }
}

fn judge(plan: &GatePlan, reported: &Reported) -> Option<v1::JudgeRef> {
    plan.suite.judge.as_ref().map(|judge| v1::JudgeRef {
        model: judge.model.to_string(),
        provider: judge.provider.to_string(),
        digest: plan.digests.judge.map(|digest| digest.to_string()).unwrap_or_default(),
        calibration: reported.calibration.clone(),
    })
}

fn score(decision: &Decision) -> Option<v1::Score> {
    decision.score.as_ref().map(|score| v1::Score {
        mean: score.mean,
        stderr: score.stderr,
        ci_low: score.interval.map(|interval| interval.low),
        ci_high: score.interval.map(|interval| interval.high),
        n: wide(score.n),
        rerun_disagreement: decision.rerun_disagreement,
        lower_bound: decision.lower_bound,
    })
}

fn breaches(decision: &Decision) -> Vec<v1::Breach> {
    let reasons = decision.verdict.reasons().iter();
    reasons.map(|one| v1::Breach { code: one.code.to_string(), message: one.message.clone() }).collect()
}

fn usage(tally: &Tally) -> v1::Usage {
    v1::Usage {
        input_tokens: tally.calls.input.sum(),
        output_tokens: tally.calls.output.sum(),
        cached_tokens: tally.calls.cached_input.sum(),
        reasoning_tokens: tally.calls.reasoning.sum(),
        cost_usd: tally.calls.cost(),
        spent_usd: tally.calls.spent(),
        unpriced_calls: tally.calls.unpriced,
        unreported_calls: tally.calls.unreported,
    }
}

/// What a suite demands of retrieval; `None` where it demands nothing.
fn retrieval_required(limits: &RetrievalTerms) -> Option<v1::RetrievalRequired> {
    let required = v1::RetrievalRequired {
        recall_at_k: limits.recall_at_k,
        precision_at_k: limits.precision_at_k,
        mrr: limits.mrr,
        ndcg: limits.ndcg,
        map: limits.map,
        stale_fraction: limits.stale_fraction,
    };
    (required != v1::RetrievalRequired::default()).then_some(required)
}

/// How well what was retrieved fits; `None` where nothing was measured.
pub fn retrieval_metrics(tally: &Tally) -> Option<v1::RetrievalMetrics> {
    let means = tally.retrieval.means()?;
    Some(v1::RetrievalMetrics {
        recall_at_k: Some(means.recall_at_k),
        precision_at_k: Some(means.precision_at_k),
        mrr: Some(means.mrr),
        ndcg: Some(means.ndcg),
        map: Some(means.map),
        n: tally.retrieval.measured,
    })
}

/// What people read of a gate beside its numbers; its worst cases are filled in from the stored run.
pub fn view(plan: &GatePlan, tally: &Tally, decision: &Decision) -> View {
    View {
        sentence: sentence(decision, tally),
        notes: decision.notes.iter().map(|note| note.message.clone()).collect(),
        worst: Vec::new(),
        line: plan.prompt.places.version.span.map(|span| span.line),
        path: None,
    }
}

/// How a run was narrowed; `None` for a complete one.
pub fn selection(selection: &Selection, outputs: Option<String>) -> Option<v1::Selection> {
    if !selection.narrows() {
        return None;
    }
    Some(v1::Selection {
        cases: selection.case.iter().map(ToString::to_string).collect(),
        tags: selection.tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect(),
        sample: selection.sample.map(u64::from),
        trials: selection.trials,
        model: selection.model.as_ref().map(ToString::to_string),
        outputs,
    })
}

fn dimensions(plan: &GatePlan, tally: &Tally) -> Vec<v1::Dimension> {
    let Some(judge) = &plan.suite.judge else { return Vec::new() };
    let confidence = plan.suite.gate.confidence;
    let of = |dimension: &crate::manifest::prompt::Dimension| {
        let estimate: Option<Estimate> = tally.dimension(&dimension.name, confidence, judge.scale);
        let interval = estimate.as_ref().and_then(|estimate| estimate.interval);
        v1::Dimension {
            name: dimension.name.to_string(),
            mean: estimate.as_ref().map(|estimate| estimate.mean),
            stderr: estimate.as_ref().and_then(|estimate| estimate.stderr),
            ci_low: interval.map(|interval| interval.low),
            ci_high: interval.map(|interval| interval.high),
            n: estimate.as_ref().map_or(0, |estimate| wide(estimate.n)),
            required: dimension.required,
        }
    };
    judge.dimensions.iter().map(of).collect()
}

fn metrics(tally: &Tally) -> std::collections::BTreeMap<String, Option<f64>> {
    let named = tally.asserts.metrics.iter().map(|(name, metric)| (name.clone(), metric.rate()));
    let refusals = std::iter::once((crate::gate::REFUSAL_RATE.to_owned(), tally.refusals.rate()));
    named.chain(refusals).collect()
}

fn latency(tally: &Tally) -> v1::Latency {
    let Some(latency) = tally.calls.latency() else { return v1::Latency::default() };
    #[expect(clippy::cast_precision_loss, reason = "milliseconds stay far below 2^53")]
    let ms = |value: u64| Some(value as f64);
    v1::Latency {
        p50: ms(latency.p50),
        p95: ms(latency.p95),
        max: ms(latency.max),
        n_live: wide(latency.n_live),
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
