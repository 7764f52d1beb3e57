//! Two grades of each case, paired.

use super::Compared;
use crate::aggregate::paired::{self, Pair};
use crate::aggregate::{Interval, Tally};
use crate::gate::Comparison;
use crate::plan::GatePlan;
use crate::report::v1;
use std::collections::HashMap;

/// The cases of a tally of which every trial has a grade.
pub(super) fn graded(tally: &Tally) -> Vec<v1::BaselineCase> {
    let whole = tally.cases().iter().filter(|case| case.unscored == 0);
    whole
        .map(|case| v1::BaselineCase {
            id: case.id.to_string(),
            score: case.mean(),
            passed: case.asserts.failed == 0,
        })
        .collect()
}

/// Pairs a tally by case with what the other side had.
pub(super) fn paired(
    head: &GatePlan,
    now: &Tally,
    then: Option<&[v1::BaselineCase]>,
    label: &str,
    candidate: bool,
) -> Compared {
    let before: HashMap<&str, &v1::BaselineCase> =
        then.unwrap_or_default().iter().map(|case| (case.id.as_str(), case)).collect();
    let planned = u64::try_from(head.cases.len()).unwrap_or(u64::MAX);
    let pairs: Vec<Pair> = now
        .cases()
        .iter()
        .filter(|case| case.unscored == 0)
        .filter_map(|case| {
            let old = before.get(case.id.as_str())?;
            Some(Pair {
                id: case.id.clone(),
                weight: case.weight,
                base: old.score?,
                head: case.mean()?,
                base_passed: Some(old.passed),
                head_passed: Some(case.asserts.failed == 0),
            })
        })
        .collect();
    let found = paired::compare(&pairs, head.suite.gate.confidence);
    let total: f64 = pairs.iter().map(|pair| pair.weight).sum();
    let n = u64::try_from(pairs.len()).unwrap_or(u64::MAX);
    let Some(found) = found.filter(|_| n == planned) else {
        let baseline = v1::Baseline {
            rev: label.to_owned(),
            mean: None,
            delta: None,
            ci_low: None,
            ci_high: None,
            p_value: None,
            worse: Vec::new(),
            better: Vec::new(),
            cases: then.map(<[_]>::to_vec),
            retrieval_metrics: None,
            spent_usd: None,
        };
        let have = if n == 1 { "has" } else { "have" };
        let note = format!(
            "only {n} of {planned} cases {have} a score on both sides: nothing was compared with {label}"
        );
        let comparison = Some(Comparison::Open { pairs: n, planned });
        return Compared { comparison, baseline: Some(baseline), notes: vec![note], changed: None };
    };
    let names = |ids: &[crate::domain::CaseId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let interval = found.interval.map(|(low, high)| Interval { low, high });
    let baseline = v1::Baseline {
        rev: label.to_owned(),
        mean: Some(pairs.iter().map(|pair| pair.weight * pair.base).sum::<f64>() / total),
        delta: Some(found.delta),
        ci_low: interval.map(|interval| interval.low),
        ci_high: interval.map(|interval| interval.high),
        p_value: found.p_value,
        worse: names(&found.worse),
        better: names(&found.better),
        cases: then.map(<[_]>::to_vec),
        retrieval_metrics: None,
        spent_usd: None,
    };
    let mut notes = Vec::new();
    if candidate {
        let margin = head.suite.gate.max_regression.unwrap_or(0.0);
        let word = match paired::regression(&found, margin) {
            paired::Regression::Breached => "worse than",
            paired::Regression::Holds { .. } => "stable or improved beside",
        };
        notes.push(format!("candidate {}: {word} {label} ({:+.2})", head.model, found.delta));
    }
    let comparison = Comparison::Paired { delta: found.delta, interval, n, sign_p: found.sign_p };
    Compared { comparison: Some(comparison), baseline: Some(baseline), notes, changed: None }
}
