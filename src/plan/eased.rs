//! Whatever makes a gate easier to pass than it was: a limit that is looser or gone, and less that is asked.

use crate::manifest::prompt::Prompt;
use crate::manifest::suite::{Allowance, CalibrationTerms, DecideOn, Suite};
use std::collections::BTreeMap;

/// On which side of a limit it is stricter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sense {
    /// A minimum.
    Floor,
    /// A maximum.
    Ceiling,
}
use Sense::{Ceiling, Floor};

#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn limit(&mut self, name: &str, sense: Sense, then: Option<f64>, now: Option<f64>) {
        match (then, now) {
            (Some(then), Some(now)) => {
                if (sense == Floor && now < then) || (sense == Ceiling && now > then) {
                    self.0.push(format!("{name} {then} → {now}"));
                }
            }
            (Some(then), None) => self.0.push(format!("{name} {then} removed")),
            (None, _) => {}
        }
    }

    fn fewer(&mut self, what: &str, then: usize, now: usize) {
        if now < then {
            self.0.push(format!("{what} {then} → {now}"));
        }
    }
}

/// What of a prompt's own demands is looser, one phrase each.
pub(super) fn of_prompt(before: &Prompt, now: &Prompt) -> Vec<String> {
    let mut found = Found::default();
    found.limit("eval_score_required", Floor, before.required, now.required);
    let cost = |prompt: &Prompt| prompt.budget.max_cost_usd_per_case.map(|cost| cost.to_string());
    let number = |cost: Option<String>| cost.and_then(|cost| cost.parse().ok());
    found.limit("max_cost_usd_per_case", Ceiling, number(cost(before)), number(cost(now)));
    let latency = |prompt: &Prompt| prompt.budget.p95_latency_ms.map(wide);
    found.limit("p95_latency_ms", Ceiling, latency(before), latency(now));
    let tokens = |prompt: &Prompt| prompt.budget.max_input_tokens.map(wide);
    found.limit("max_input_tokens", Ceiling, tokens(before), tokens(now));
    found.0
}

/// What a suite asks less, or allows more, one phrase each.
pub(super) fn of_suite(before: &Suite, now: &Suite) -> Vec<String> {
    let mut found = Found::default();
    let (old, new) = (&before.gate, &now.gate);
    if (old.decide_on, new.decide_on) == (DecideOn::LowerBound, DecideOn::Mean) {
        found.0.push("decide_on lower_bound → mean".to_owned());
    }
    if old.decide_on == DecideOn::LowerBound && new.decide_on == DecideOn::LowerBound {
        found.limit("confidence", Floor, Some(old.confidence), Some(new.confidence));
    }
    found.limit("case_floor", Floor, old.case_floor, new.case_floor);
    found.limit("asserts_required", Floor, Some(old.asserts_required), Some(new.asserts_required));
    found.limit("min_cases", Floor, Some(old.min_cases.into()), Some(new.min_cases.into()));
    found.limit("max_regression", Ceiling, old.max_regression, new.max_regression);
    found.limit("max_unscored", Ceiling, Some(allowed(before)), Some(allowed(now)));
    for (name, limit) in &old.metrics {
        let sense = if name == "refusal_rate" { Ceiling } else { Floor };
        found.limit(&format!("metric {name}"), sense, Some(*limit), new.metrics.get(name).copied());
    }
    for (name, sense, then, is) in [
        ("recall_at_k", Floor, old.retrieval.recall_at_k, new.retrieval.recall_at_k),
        ("precision_at_k", Floor, old.retrieval.precision_at_k, new.retrieval.precision_at_k),
        ("mrr", Floor, old.retrieval.mrr, new.retrieval.mrr),
        ("ndcg", Floor, old.retrieval.ndcg, new.retrieval.ndcg),
        ("map", Floor, old.retrieval.map, new.retrieval.map),
        ("stale_fraction", Ceiling, old.retrieval.stale_fraction, new.retrieval.stale_fraction),
    ] {
        found.limit(name, sense, then, is);
    }
    calibration(&mut found, old.require_calibration.as_ref(), new.require_calibration.as_ref());
    judge(&mut found, before, now);
    found.fewer("cases", before.cases.len(), now.cases.len());
    let trials = |suite: &Suite| usize::try_from(suite.trials).unwrap_or(usize::MAX);
    found.fewer("trials", trials(before), trials(now));
    let size = |suite: &Suite| suite.sample.as_ref().map(|sample| f64::from(sample.size));
    if let Some(now) = size(now) {
        let all = wide(u64::try_from(before.cases.len()).unwrap_or(u64::MAX));
        found.limit("sample", Floor, Some(size(before).unwrap_or(all)), Some(now));
    }
    let gone = asserts_gone(before, now);
    if gone > 0 {
        found.0.push(format!("{gone} of {} asserts removed or changed", before.asserts.len()));
    }
    found.0
}

fn calibration(found: &mut Found, then: Option<&CalibrationTerms>, now: Option<&CalibrationTerms>) {
    let Some(then) = then else { return };
    let kappa = |terms: Option<&CalibrationTerms>| terms.and_then(|terms| terms.min_kappa);
    let bias = |terms: Option<&CalibrationTerms>| terms.and_then(|terms| terms.max_bias);
    let labels = |terms: Option<&CalibrationTerms>| terms.and_then(|terms| terms.min_labels).map(f64::from);
    found.limit("min_kappa", Floor, kappa(Some(then)), kappa(now));
    found.limit("max_bias", Ceiling, bias(Some(then)), bias(now));
    found.limit("min_labels", Floor, labels(Some(then)), labels(now));
    if now.is_none() {
        found.0.push("require_calibration removed".to_owned());
    }
}

fn judge(found: &mut Found, before: &Suite, now: &Suite) {
    let Some(judge) = &before.judge else { return };
    let Some(after) = &now.judge else {
        found.0.push("judge removed".to_owned());
        return;
    };
    for dimension in &judge.dimensions {
        let same = after.dimensions.iter().find(|other| other.name == dimension.name);
        let name = format!("required {}", dimension.name);
        found.limit(&name, Floor, dimension.required, same.and_then(|same| same.required));
        if same.is_none() {
            found.0.push(format!("dimension {} removed", dimension.name));
        }
    }
    if after.allow_self && !judge.allow_self {
        found.0.push("allow_self added".to_owned());
    }
}

/// The share of the trials that may stay without a grade: counts and shares compare as that.
fn allowed(suite: &Suite) -> f64 {
    match suite.gate.max_unscored {
        Allowance::Share(share) => share,
        Allowance::Count(count) => {
            let trials = wide(u64::try_from(suite.cases.len()).unwrap_or(u64::MAX)) * f64::from(suite.trials);
            if trials > 0.0 { f64::from(count) / trials } else { 0.0 }
        }
    }
}

/// How many of the asserts before have none just like them now.
fn asserts_gone(before: &Suite, now: &Suite) -> usize {
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    for assert in &now.asserts {
        *left.entry(assert.source.to_string()).or_default() += 1;
    }
    let mut gone = 0;
    for assert in &before.asserts {
        match left.get_mut(&assert.source.to_string()).filter(|count| **count > 0) {
            Some(count) => *count -= 1,
            None => gone += 1,
        }
    }
    gone
}

#[expect(clippy::cast_precision_loss, reason = "limits that people write")]
fn wide(number: u64) -> f64 {
    number as f64
}
