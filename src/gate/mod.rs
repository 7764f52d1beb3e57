//! Estimates and thresholds become a verdict.
//!
//! [`decide`] is the whole decision. Every demand becomes a [`Check`], and each check looks at *all* ways in which the
//! trials without a grade could still turn out:
//!
//! - **failed**, when a demand holds in none of them: more grades could not help;
//! - **passed**, when every demand holds in all of them, no more trials are open than `max_unscored` allows, and
//!   something was demanded, planned and graded;
//! - **inconclusive** otherwise. What was demanded and not measured is inconclusive, never a pass.
//!
//! Bounds are exact or err towards inconclusive; where they are computed says which, and why they hold.

pub mod bounds;
mod budgets;
pub mod check;
pub mod codes;
mod critical;
mod evidence;
mod lower;
mod notes;
mod scores;
pub mod sentence;
mod shares;
pub mod show;

#[cfg(test)]
mod bounds_tests;
#[cfg(test)]
mod evidence_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod rules_tests;
#[cfg(test)]
mod words_tests;

pub use bounds::Bounds;
pub use check::{Check, State};
pub use evidence::{Calibration, Comparison};
pub use notes::{FEW, Note};
pub use sentence::sentence;
pub use shares::REFUSAL_RATE;

use crate::aggregate::Estimate;
use crate::aggregate::estimate::rerun_disagreement;
use crate::aggregate::moments::Moments;
use crate::aggregate::tally::{Faults, Tally};
use crate::domain::{Breach, Code, Scale, Verdict};
use crate::manifest::prompt::{Budget, Dimension};
use crate::manifest::suite::{Allowance, DecideOn, GateTerms};

/// Everything that is demanded of one prompt on one suite.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The prompt's `eval_score_required`.
    pub required: Option<f64>,
    /// The judge's scale; `None` without a judge.
    pub scale: Option<Scale>,
    /// The suite's `gate`.
    pub gate: &'a GateTerms,
    /// The judge's dimensions, with what is required of each.
    pub dimensions: &'a [Dimension],
    /// The prompt's `budget`.
    pub budget: &'a Budget,
    /// Whether the suite has a judge.
    pub has_judge: bool,
    /// The comparison with the baseline, where one was made.
    pub comparison: Option<&'a Comparison>,
    /// What this very judge has shown against human labels; `None` where nobody looked.
    pub calibration: Option<&'a Calibration>,
}

/// The decision, with everything that a report says of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// Passed, failed or inconclusive, with the reasons.
    pub verdict: Verdict,
    /// The judge's score over the cases that have one.
    pub score: Option<Estimate>,
    /// The mean if every open trial got the highest score; `None` without a judge or without cases.
    pub best_case_mean: Option<f64>,
    /// The mean if every open trial got the lowest score.
    pub worst_case_mean: Option<f64>,
    /// The chance that two runs of the same prompt disagree on whether the score reaches what is required; `None`
    /// where nothing is required, or a case has fewer than two scored trials.
    pub rerun_disagreement: Option<f64>,
    /// The one-sided lower bound of the score over the cases that have one; `None` where the mean decides.
    pub lower_bound: Option<f64>,
    /// Warnings that do not change the verdict.
    pub notes: Vec<Note>,
    /// Every demand with what was found, in the order in which they are decided.
    pub checks: Vec<Check>,
}

/// Decides whether what `terms` demand holds of what `tally` found.
pub fn decide(terms: &Terms, tally: &Tally) -> Decision {
    let checks = checks(terms, tally);
    let of = |state: State| checks.iter().filter(move |check| check.state == state);
    let breaches: Vec<Breach> = of(State::Fails).map(Check::breach).collect();
    let mut why = unusable(terms, tally);
    let verdict = if !why.is_empty() {
        Verdict::Inconclusive { why }
    } else if !breaches.is_empty() {
        Verdict::Failed { breaches }
    } else {
        why.extend(without_evidence(terms, tally, &checks));
        why.extend(of(State::Undecided).map(Check::breach));
        if why.is_empty() { Verdict::Passed } else { Verdict::Inconclusive { why } }
    };
    let confidence = terms.gate.confidence;
    let scale = terms.scale.filter(|_| terms.has_judge);
    let score = scale.and_then(|scale| tally.score(confidence, scale));
    let mean = scale.and_then(|scale| scores::score_spans(terms, tally, scale).mean());
    let notes = notes::notes(terms, tally, score.as_ref(), &verdict);
    Decision {
        verdict,
        score,
        best_case_mean: mean.map(|bounds| bounds.high),
        worst_case_mean: mean.map(|bounds| bounds.low),
        rerun_disagreement: scale.and_then(|scale| disagreement(terms, tally, scale)),
        lower_bound: scale.and_then(|scale| scores::lower_bound(terms, tally, scale)),
        notes,
        checks,
    }
}

/// Every demand, in the order in which they are decided.
fn checks(terms: &Terms, tally: &Tally) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.extend(scores::score(terms, tally));
    checks.extend(scores::dimensions(terms, tally));
    checks.extend(shares::asserts(terms, tally));
    checks.extend(shares::metrics(terms, tally));
    checks.extend(shares::retrieval(terms, tally));
    checks.extend(scores::floor(terms, tally));
    checks.extend(critical::critical(terms, tally));
    checks.extend(budgets::cost(terms, tally));
    checks.extend(budgets::latency(terms, tally));
    checks.extend(budgets::tokens(terms, tally));
    checks.extend(evidence::regression(terms, tally));
    checks.extend(evidence::calibration(terms));
    checks.extend(min_cases(terms, tally));
    checks
}

fn breach(code: Code, message: String) -> Breach {
    Breach { code, message }
}

/// What makes the records unfit for any decision, a failure included: they are not those of the plan, or hold scores
/// that the bounds do not reckon with.
fn unusable(terms: &Terms, tally: &Tally) -> Vec<Breach> {
    let mut why = Vec::new();
    if tally.planned().cases == 0 {
        why.push(breach(
            codes::NO_CASES,
            "no cases were planned, and a gate without cases shows nothing".to_owned(),
        ));
    }
    let Faults { missing, surplus, corrupt } = tally.faults();
    for (count, what) in [
        (missing, "planned and not recorded"),
        (surplus, "recorded and not planned, or twice"),
        (corrupt, "recorded with numbers that cannot be"),
    ] {
        if count > 0 {
            why.push(breach(codes::RECORDS_WRONG, format!("{} {what}", show::count(count, "trial"))));
        }
    }
    if let (Some((low, high)), Some(scale)) = (tally.range(), terms.scale)
        && !(scale.spans(low) && scale.spans(high))
    {
        let message =
            format!("the judge gave {low} to {high} on a scale from {} to {}", scale.min, scale.max);
        why.push(breach(codes::SCORE_OFF_SCALE, message));
    }
    why
}

/// What keeps a gate from passing although no demand is broken.
fn without_evidence(terms: &Terms, tally: &Tally, checks: &[Check]) -> Vec<Breach> {
    let mut why = Vec::new();
    let open = tally.trials_unscored();
    if open > 0 && open == tally.trials() {
        why.push(breach(codes::NOTHING_SCORED, sentence::unscored(tally)));
    } else if !allowed(terms.gate.max_unscored, open, tally.planned().all()) {
        let most = match terms.gate.max_unscored {
            Allowance::Count(count) => count.to_string(),
            Allowance::Share(share) => show::share_limit(share),
        };
        let message = format!("{}, and {most} at most may have none", sentence::unscored(tally));
        why.push(breach(codes::TOO_MANY_UNSCORED, message));
    }
    if checks.iter().all(|check| check.code == codes::TOO_FEW_CASES) {
        let message = "nothing is demanded: there is no threshold, no assert and no other limit to hold";
        why.push(breach(codes::NOTHING_DEMANDED, message.to_owned()));
    }
    why
}

/// Whether `open` of `all` trials may stay without a grade.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn allowed(allowance: Allowance, open: u64, all: u64) -> bool {
    match allowance {
        Allowance::Count(count) => open <= u64::from(count),
        Allowance::Share(share) => open as f64 <= share * all as f64 + crate::domain::score::TOLERANCE,
    }
}

/// `min_cases`: a smaller suite is no suite, whatever it shows. Every gate has at least one case.
fn min_cases(terms: &Terms, tally: &Tally) -> Option<Check> {
    let (least, planned) = (terms.gate.min_cases, tally.planned().cases);
    if least <= 1 {
        return None;
    }
    let holds = usize::try_from(least).is_ok_and(|least| planned >= least);
    let cases = show::count(u64::try_from(planned).unwrap_or(u64::MAX), "case");
    let sentence = if holds {
        format!("{cases}, and {least} are required")
    } else {
        format!("{cases} planned, fewer than the {least} that are required")
    };
    let state = if holds { State::Holds } else { State::Fails };
    let (name, code) = ("cases".to_owned(), codes::TOO_FEW_CASES);
    Some(Check { name, demanded: format!("≥ {least}"), found: planned.to_string(), state, code, sentence })
}

/// The chance that two runs disagree. Where the lower bound decides, the mean has to clear what is required by as much
/// as the bound lies below it in this run.
fn disagreement(terms: &Terms, tally: &Tally, scale: Scale) -> Option<f64> {
    let repeats = tally.repeats();
    let required = terms.required?;
    let threshold = match terms.gate.decide_on {
        DecideOn::Mean => required,
        DecideOn::LowerBound => {
            let points: Vec<(f64, f64)> = repeats.iter().map(|case| (case.weight, case.mean)).collect();
            let sums = Moments::of(&points);
            required + sums.mean()? - sums.lower_bound(terms.gate.confidence, scale.min)?
        }
    };
    rerun_disagreement(&repeats, threshold)
}
