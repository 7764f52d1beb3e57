//! The machine form, `llmops/calibrate/v1`. What the labels do not define is null, and `undefined` says why.

use super::Outcome;
use crate::study::agreement::passing::Passing;
use crate::study::agreement::powered::Powered;
use crate::study::agreement::residual::Residuals;
use crate::study::agreement::verbosity::Verbosity;
use crate::study::agreement::{Estimate, Measured, Undefined};
use crate::study::calibration::{Agreement, Means};
use serde_json::{Map, Value, json};

/// The whole outcome.
pub fn json(outcome: &Outcome) -> Value {
    let Outcome { calibration, about, .. } = outcome;
    let dimensions: Vec<Value> = calibration
        .dimensions
        .iter()
        .map(|(found, means)| {
            let mut value = agreement(found);
            value["mean"] = mean(means);
            value
        })
        .collect();
    let unjudged: Vec<Value> = calibration
        .unjudged
        .iter()
        .map(|(case, dimension)| json!({"case": case, "dimension": dimension}))
        .collect();
    let breaches: Vec<Value> = outcome
        .shortfalls
        .iter()
        .flatten()
        .map(|breach| json!({"code": breach.code, "message": breach.message}))
        .collect();
    json!({
        "schema": "llmops/calibrate/v1",
        "exit_code": outcome.exit().code(),
        "suite": about.suite,
        "run": outcome.run,
        "judge": {"model": about.model, "rubric": about.rubric, "digest": about.judge_digest},
        "same_family": outcome.family,
        "record": outcome.record,
        "labels": calibration.labels,
        "raters": calibration.raters,
        "blank": outcome.blank,
        "unjudged": unjudged,
        "confidence": calibration.confidence,
        "dimensions": dimensions,
        "pooled": agreement(&calibration.pooled),
        "score": mean(&calibration.score),
        "required": outcome.shortfalls.is_some(),
        "breaches": breaches,
    })
}

fn agreement(found: &Agreement) -> Value {
    let mut why = Map::new();
    let mut keep = |name: &str, error: Option<Undefined>| {
        if let Some(error) = error {
            why.insert(name.to_owned(), json!(error));
        }
    };
    keep("kappa", found.kappa.err());
    keep("ac2", found.ac2.err());
    keep("alpha_raters", found.alpha_raters.err());
    keep("spearman", found.spearman.err());
    keep("residuals", found.residuals.as_ref().err().copied());
    keep("verbosity", found.verbosity.as_ref().err().copied());
    let residuals = found.residuals.as_ref().ok();
    json!({
        "dimension": found.dimension,
        "n": found.n,
        "rounded": found.rounded,
        "agreement": residuals.map(|r| r.exact),
        "within_one": residuals.map(|r| r.within_one),
        "kappa": found.kappa.ok().as_ref().map(estimate),
        "kappa_linear": found.kappa_linear.ok().as_ref().map(estimate),
        "kappa_unweighted": found.kappa_unweighted.ok().as_ref().map(estimate),
        "ac1": found.ac1.ok(),
        "ac2": found.ac2.ok(),
        "alpha_raters": found.alpha_raters.ok(),
        "alpha_with_judge": found.alpha_with_judge.ok(),
        "spearman": found.spearman.ok(),
        "tau_b": found.tau_b.ok(),
        "pearson": found.pearson.ok(),
        "mae": residuals.map(|r| r.mae),
        "macro_mae": residuals.map(|r| r.macro_mae),
        "rmse": residuals.map(|r| r.rmse),
        "bias": residuals.map(bias),
        "passing": found.passing.as_ref().and_then(|line| line.as_ref().ok()).map(passing),
        "pass_rate": found.pass_rate.as_ref().and_then(|rate| rate.as_ref().ok()).map(|rate| {
            json!({"value": rate.rate, "low": rate.interval.0, "high": rate.interval.1})
        }),
        "verbosity": found.verbosity.as_ref().ok().map(verbosity),
        "undefined": why,
    })
}

fn estimate(found: &Estimate) -> Value {
    json!({"value": found.value, "low": found.interval.map(|(low, _)| low), "high": found.interval.map(|(_, high)| high)})
}

fn bias(found: &Residuals) -> Value {
    estimate(&found.bias)
}

fn passing(line: &Passing) -> Value {
    let share = |found: &Measured<crate::aggregate::proportion::Proportion>| {
        found.as_ref().ok().map(|found| json!({"value": found.share, "low": found.interval.0, "high": found.interval.1, "of": found.of}))
    };
    json!({
        "threshold": line.threshold,
        "true_passes": line.true_passes,
        "true_fails": line.true_fails,
        "false_passes": line.false_passes,
        "false_fails": line.false_fails,
        "agreement": line.agreement,
        "true_pass_rate": share(&line.true_pass_rate),
        "true_fail_rate": share(&line.true_fail_rate),
        "precision": share(&line.precision),
    })
}

fn verbosity(found: &Verbosity) -> Value {
    json!({"points_per_doubling": found.points_per_doubling, "slope": estimate(&found.slope), "p_value": found.p_value, "n": found.n})
}

fn mean(means: &Means) -> Value {
    let corrected = |powered: &Powered| {
        let mut value = estimate(&powered.mean);
        value["lambda"] = json!(powered.lambda);
        value
    };
    json!({"judge": means.judge.ok(), "corrected": means.corrected.as_ref().ok().map(corrected)})
}
