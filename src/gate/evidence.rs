//! Demands that this run alone cannot answer: the comparison with the baseline, and the judge's calibration. Without
//! the evidence they are never met.

use super::check::{Check, State};
use super::{Terms, codes, show};
use crate::aggregate::Interval;
use crate::aggregate::tally::Tally;
use crate::domain::Breach;
use crate::domain::score::TOLERANCE;

/// The comparison with the baseline, paired by case on the same suite and judge.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Comparison {
    /// The baseline does not have this prompt: there is nothing to be worse than.
    NewPrompt,
    /// Both were graded.
    Paired {
        /// Mean of candidate − baseline.
        delta: f64,
        /// Its two-sided interval; `None` below two pairs.
        interval: Option<Interval>,
        /// How many pairs.
        n: u64,
        /// The exact sign test, two-sided: what decides where every case moved by the same, and nothing else can.
        sign_p: f64,
    },
    /// Not every case has a score on both sides, so that the change is not known.
    Open {
        /// Cases with a score on both sides.
        pairs: u64,
        /// Cases planned.
        planned: u64,
    },
}

/// What the judge has shown against human labels, held against `require_calibration`. The record is read and held
/// against the terms where calibration is at home, in `study`; the gate takes in what came of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Calibration {
    /// Every reason why the judge has not shown what is demanded, with its own code; empty where it has.
    pub lacks: Vec<Breach>,
}

/// `max_regression`: failed when the mean delta is below −margin *and* its interval excludes 0. Otherwise it holds and
/// says which drop it cannot exclude. While trials are open the delta is not that of the suite: undecided.
pub(super) fn regression(terms: &Terms, tally: &Tally) -> Option<Check> {
    let margin = terms.gate.max_regression?;
    let (name, demanded) = ("regression", format!("≥ {}", show::threshold(-margin)));
    let shown = show::threshold(margin);
    let Some(comparison) = terms.comparison else {
        let sentence =
            format!("a drop of {shown} at most is allowed, and nothing was compared with the baseline");
        return Some(Check::absent(name, demanded, codes::REGRESSION_ABSENT, sentence));
    };
    let (delta, interval, n, sign_p) = match *comparison {
        Comparison::NewPrompt => return None,
        Comparison::Paired { delta, interval, n, sign_p } => (delta, interval, n, sign_p),
        Comparison::Open { pairs, planned } => {
            let have = if pairs == 1 { "has" } else { "have" };
            let sentence = format!(
                "a drop of {shown} at most is allowed, and only {pairs} of {} {have} a score on both sides",
                show::count(planned, "case")
            );
            return Some(Check::absent(name, demanded, codes::REGRESSION_OPEN, sentence));
        }
    };
    let (found, pairs) = (show::against(delta, -margin), show::count(n, "pair"));
    let ends = interval.map(|Interval { low, high }| (show::against(low, 0.0), show::against(high, 0.0)));
    let (state, code, sentence) = if tally.trials_unscored() > 0 {
        let sentence =
            format!("the change of {found} against the baseline is not that of all cases ({pairs})");
        (State::Undecided, codes::REGRESSION_OPEN, sentence)
    } else if let (Some(Interval { high, .. }), Some((low_text, high_text))) = (interval, &ends)
        && delta < -margin - TOLERANCE
        && high < -TOLERANCE
    {
        let sentence = format!(
            "the score changed by {found} against the baseline, a drop of {shown} at most is allowed (interval {low_text} to {high_text}, {pairs})"
        );
        (State::Fails, codes::REGRESSION, sentence)
    } else if interval.is_none() && delta < -margin - TOLERANCE && sign_p < 1.0 - terms.gate.confidence {
        let sentence = format!(
            "the score changed by {found} in every case against the baseline, a drop of {shown} at most is allowed ({pairs})"
        );
        (State::Fails, codes::REGRESSION, sentence)
    } else {
        let drop = interval.map(|interval| show::against(interval.low.min(0.0).abs(), margin));
        let excluded = drop.map_or_else(
            || "no drop can be excluded".to_owned(),
            |drop| format!("a drop of {drop} cannot be excluded"),
        );
        let sentence = format!("the score changed by {found} against the baseline, and {excluded} ({pairs})");
        (State::Holds, codes::REGRESSION, sentence)
    };
    Some(Check { name: name.to_owned(), demanded, found, state, code, sentence })
}

/// `require_calibration`: a judge that has not shown what is demanded of it gives no verdict, rather than a bad one.
pub(super) fn calibration(terms: &Terms) -> Vec<Check> {
    if terms.gate.require_calibration.is_none() {
        return Vec::new();
    }
    let check = |state, found: &str, code, sentence| Check {
        name: "calibration".to_owned(),
        demanded: "calibrated".to_owned(),
        found: found.to_owned(),
        state,
        code,
        sentence,
    };
    let Some(Calibration { lacks }) = terms.calibration else {
        let sentence = "a calibrated judge is required, and nothing shows that this one is".to_owned();
        return vec![check(State::Undecided, "not calibrated", codes::NOT_CALIBRATED, sentence)];
    };
    if lacks.is_empty() {
        let sentence = "the judge is calibrated as required".to_owned();
        return vec![check(State::Holds, "calibrated", codes::NOT_CALIBRATED, sentence)];
    }
    let lacking = |breach: &Breach| {
        let sentence = format!("the judge is not calibrated as required: {}", breach.message);
        check(State::Undecided, "not calibrated", breach.code, sentence)
    };
    lacks.iter().map(lacking).collect()
}
