//! The comparison with a baseline, paired by case: the same cases under two prompts, one judge.

use super::distribution::{fair_coin_p, t_quantile, t_two_sided_p};
use crate::domain::CaseId;
use crate::domain::score::TOLERANCE;

/// One case under both prompts.
#[derive(Clone, PartialEq, Debug)]
pub struct Pair {
    /// The case.
    pub id: CaseId,
    /// Its weight; greater than 0.
    pub weight: f64,
    /// The baseline's score: the mean over its trials, on the judge's scale.
    pub base: f64,
    /// The head's score, likewise.
    pub head: f64,
    /// Whether the case passed at the baseline, where that was decided.
    pub base_passed: Option<bool>,
    /// Whether it passes at the head.
    pub head_passed: Option<bool>,
}

/// What changed between a baseline and the head.
#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    /// Cases compared; at least 1.
    pub n: usize,
    /// Weighted mean of head − base, in points of the scale.
    pub delta: f64,
    /// Its standard error; `None` for one case, or when every delta is the same: then nothing is known about
    /// how deltas spread.
    pub stderr: Option<f64>,
    /// The two-sided t interval at `confidence`; `None` as `stderr`, or when nearly all weight is on one case.
    pub interval: Option<(f64, f64)>,
    /// The two-sided t test of a mean delta of 0; `None` as `stderr`.
    pub p_value: Option<f64>,
    /// Cases that got worse, in the order given: the score fell, or a case that passed fails.
    pub worse: Vec<CaseId>,
    /// Cases that got better in one way and worse in none, in the order given.
    pub better: Vec<CaseId>,
    /// The exact two-sided sign test over the cases whose score moved; 1 when none moved. It needs no spread.
    pub sign_p: f64,
    /// McNemar's exact test on the cases that changed sides; `None` when no case is decided on both sides.
    pub mcnemar_p: Option<f64>,
    /// Of the interval, between 0 and 1.
    pub confidence: f64,
}

/// What a comparison says about a margin.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Regression {
    /// The mean fell by more than the margin, and by more than chance explains.
    Breached,
    /// It did not, or that cannot be told from chance.
    Holds {
        /// The greatest drop that the data do not exclude, in points, at least 0: the depth of the interval
        /// below 0. `None` when there is no interval, so that no drop can be excluded.
        cannot_exclude_drop: Option<f64>,
    },
}

/// Compares head with base, case by case. `None` when there is no pair, when `confidence` is outside of (0, 1),
/// or when a score or weight is not a usable number: a pair is never silently dropped.
///
/// Mean: m = Σwd/Σw. Standard error: √(n/(n−1)·Σw²(d−m)²)/Σw, which is sd(d)/√n for equal weights. Degrees of
/// freedom: (Σw)²/Σw² − 1 (Kish's effective number of cases, less one), which is n − 1 for equal weights, so
/// that one heavy case among many light ones does not pass for many cases. The sign test and McNemar's count
/// cases and do not see weights.
pub fn compare(pairs: &[Pair], confidence: f64) -> Option<Comparison> {
    let usable = |pair: &Pair| {
        pair.base.is_finite() && pair.head.is_finite() && pair.weight.is_finite() && pair.weight > 0.0
    };
    if pairs.is_empty() || !pairs.iter().all(usable) || !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    let deltas: Vec<f64> = pairs.iter().map(|pair| pair.head - pair.base).collect();
    let total: f64 = pairs.iter().map(|pair| pair.weight).sum();
    let delta = pairs.iter().zip(&deltas).map(|(pair, d)| pair.weight * d).sum::<f64>() / total;
    let spread = spread(pairs, &deltas, delta, total);
    let interval = spread.and_then(|(stderr, df)| {
        let reach = t_quantile(0.5 + confidence / 2.0, df)? * stderr;
        Some((delta - reach, delta + reach))
    });
    let (worse, better): (Vec<&Pair>, Vec<&Pair>) = (
        pairs.iter().filter(|pair| got_worse(pair)).collect(),
        pairs.iter().filter(|pair| got_better(pair) && !got_worse(pair)).collect(),
    );
    Some(Comparison {
        n: pairs.len(),
        delta,
        stderr: spread.map(|(stderr, _)| stderr),
        interval,
        p_value: spread.and_then(|(stderr, df)| t_two_sided_p(delta / stderr, df)),
        worse: worse.into_iter().map(|pair| pair.id.clone()).collect(),
        better: better.into_iter().map(|pair| pair.id.clone()).collect(),
        sign_p: fair_coin_p(count(&deltas, |d| d > TOLERANCE), count(&deltas, |d| d < -TOLERANCE)),
        mcnemar_p: mcnemar(pairs),
        confidence,
    })
}

/// Standard error and degrees of freedom; `None` without any spread.
fn spread(pairs: &[Pair], deltas: &[f64], mean: f64, total: f64) -> Option<(f64, f64)> {
    let moved = deltas.iter().any(|d| (d - deltas[0]).abs() > TOLERANCE);
    if pairs.len() < 2 || !moved {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of cases")]
    let n = pairs.len() as f64;
    let squares: f64 = pairs.iter().zip(deltas).map(|(pair, d)| (pair.weight * (d - mean)).powi(2)).sum();
    let stderr = (n / (n - 1.0) * squares).sqrt() / total;
    let effective = total.powi(2) / pairs.iter().map(|pair| pair.weight.powi(2)).sum::<f64>();
    Some((stderr, effective - 1.0))
}

fn got_worse(pair: &Pair) -> bool {
    pair.head - pair.base < -TOLERANCE || (pair.base_passed == Some(true) && pair.head_passed == Some(false))
}

fn got_better(pair: &Pair) -> bool {
    pair.head - pair.base > TOLERANCE || (pair.base_passed == Some(false) && pair.head_passed == Some(true))
}

fn mcnemar(pairs: &[Pair]) -> Option<f64> {
    let decided: Vec<(bool, bool)> =
        pairs.iter().filter_map(|pair| Some((pair.base_passed?, pair.head_passed?))).collect();
    let broke = count(&decided, |sides| sides == (true, false));
    let mended = count(&decided, |sides| sides == (false, true));
    (!decided.is_empty()).then(|| fair_coin_p(broke, mended))
}

fn count<T: Copy>(items: &[T], holds: impl Fn(T) -> bool) -> u64 {
    items.iter().map(|item| u64::from(holds(*item))).sum()
}

/// The rule of `max_regression`: breached when the mean delta is below −`margin` *and* its interval excludes 0.
///
/// Without any spread there is no t interval, although twenty cases that all fell by the same half point are
/// evidence: there, the exact sign test at the same confidence stands in for it (which takes six cases at 95 %).
pub fn regression(comparison: &Comparison, margin: f64) -> Regression {
    let excludes_zero = match comparison.interval {
        Some((_, high)) => high < 0.0,
        // A spread without an interval: hardly more than one effective case, which shows nothing.
        None if comparison.stderr.is_some() => false,
        None => comparison.sign_p < 1.0 - comparison.confidence,
    };
    if comparison.delta < -margin - TOLERANCE && excludes_zero {
        return Regression::Breached;
    }
    Regression::Holds { cannot_exclude_drop: comparison.interval.map(|(low, _)| (-low).max(0.0)) }
}

#[cfg(test)]
#[path = "paired_tests.rs"]
mod tests;
