//! What a suite can detect, before anything is spent: the minimal detectable effect, the number of cases that an
//! effect takes, and whether a gate can pass or block at all.

use super::distribution::{fair_coin_p, normal_quantile, t_quantile};
use crate::domain::Scale;
use crate::domain::score::reaches;

/// What is assumed about noise, and asked of a test.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Assumptions {
    /// Standard deviation, over cases, of the true difference between two prompts, in points.
    pub sd_between: f64,
    /// Standard deviation of one case's score from trial to trial, in points.
    pub sd_within: f64,
    /// Trials per case on either side; at least 1.
    pub trials: u32,
    /// Of the interval or test, between 0 and 1.
    pub confidence: f64,
    /// The chance to detect the effect if it is there, between 0 and 1.
    pub power: f64,
    /// Whether a change in either direction counts.
    pub two_sided: bool,
}

impl Default for Assumptions {
    /// Half a point between cases and half a point from trial to trial: a guess to plan with until a run has shown
    /// better; 95 % and 80 %, two-sided, one trial.
    fn default() -> Self {
        Self { sd_between: 0.5, sd_within: 0.5, trials: 1, confidence: 0.95, power: 0.8, two_sided: true }
    }
}

impl Assumptions {
    /// The variance of one case's observed difference: ω² + 2σ²/K.
    fn variance(&self) -> Option<f64> {
        let variance = self.sd_between.powi(2) + 2.0 * self.sd_within.powi(2) / f64::from(self.trials);
        (self.trials > 0 && variance.is_finite() && variance > 0.0).then_some(variance)
    }

    /// z for the confidence, plus z for the power.
    fn reach(&self) -> Option<f64> {
        let tail = (1.0 - self.confidence) / if self.two_sided { 2.0 } else { 1.0 };
        Some(normal_quantile(1.0 - tail)? + normal_quantile(self.power)?)
    }
}

/// The smallest mean difference, in points, that a paired comparison over `cases` cases detects with the asked
/// power: (z₁₋α⸝₂ + z_power)·√((ω² + 2σ²/K)/n). `None` without cases or noise, or with a share outside of (0, 1).
///
/// This is the normal formula (Miller 2024). Below about 30 cases the truth, by the noncentral t, is a little
/// worse: 34 cases instead of 32 for an effect of half a standard deviation.
pub fn detectable(cases: usize, assumptions: &Assumptions) -> Option<f64> {
    let effect = assumptions.reach()? * (assumptions.variance()? / float(cases)).sqrt();
    (cases > 0).then_some(effect)
}

/// The number of cases that a paired comparison takes to detect a mean difference of `effect` points:
/// n = (z₁₋α⸝₂ + z_power)²·(ω² + 2σ²/K)/δ², rounded up. `None` as [`detectable`], or when `effect` is not above 0.
pub fn cases_needed(effect: f64, assumptions: &Assumptions) -> Option<u64> {
    if !(effect.is_finite() && effect > 0.0) {
        return None;
    }
    let n = (assumptions.reach()?.powi(2) * assumptions.variance()? / effect.powi(2)).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to fit")]
    (n < 9e15).then_some(n as u64)
}

/// How far above its threshold, in points, the true mean has to lie for a gate on the lower bound to pass with
/// the asked power: (z_confidence + z_power)·sd/√n. The confidence is one-sided, as the bound is; `sd` is that of
/// case scores.
pub fn excess_needed(cases: usize, sd: f64, confidence: f64, power: f64) -> Option<f64> {
    let reach = normal_quantile(confidence)? + normal_quantile(power)?;
    (cases > 0 && sd.is_finite() && sd >= 0.0).then(|| reach * sd / float(cases).sqrt())
}

/// What a number of cases can show at best, whatever the answers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Preflight {
    /// Planned cases.
    pub cases: usize,
    /// The highest lower bound that the best possible scores give; `None` without cases.
    pub best_lower_bound: Option<f64>,
    /// Whether a gate on the lower bound can pass at all; `None` without a threshold.
    pub lower_bound_can_pass: Option<bool>,
    /// Whether `max_regression` can block at all, by the greatest drop that the scale allows.
    pub regression_can_block: bool,
    /// By how many of its standard deviations a mean has to exceed a threshold for its one-sided t bound to do
    /// so: t/√n. `None` below 2 cases.
    pub one_sided_ratio: Option<f64>,
    /// The same for a two-sided t interval that has to exclude 0. `None` below 2 cases.
    pub two_sided_ratio: Option<f64>,
    /// Of n cases that all moved, how many have to move the same way for the one-sided sign test; `None` when
    /// even all of them do not suffice.
    pub wins_needed: Option<usize>,
}

/// Asks of a planned gate whether it can pass and block at all with `cases` cases: a gate that no answers could
/// pass, or none could fail, is better known before the calls than after.
///
/// `step` is the smallest difference between two case scores. With one case a step below the top, the mean is
/// M − s/n and its standard error s/n, so that the t bound is M − (1 + t)·s/n; with all at the top there is no
/// spread, and the bound is M − (M − min)(1 − α^(1/n)). The best of both counts. Likewise for a drop of the whole
/// scale.
pub fn preflight(
    cases: usize,
    scale: Scale,
    step: f64,
    confidence: f64,
    threshold: Option<f64>,
) -> Preflight {
    let n = float(cases);
    let alpha = 1.0 - confidence;
    let df = n - 1.0;
    let (one_sided, two_sided) = (t_quantile(confidence, df), t_quantile(1.0 - alpha / 2.0, df));
    let range = scale.max - scale.min;
    let unspread = scale.max - range * (1.0 - alpha.powf(1.0 / n));
    let spread = one_sided.map(|t| scale.max - (1.0 + t) * step / n);
    let best = (cases > 0).then(|| spread.map_or(unspread, |spread| spread.max(unspread)));
    let sweep = u64::try_from(cases).is_ok_and(|cases| fair_coin_p(cases, 0) < alpha);
    let by_interval = two_sided.is_some_and(|t| range * n / step - 1.0 > t);
    Preflight {
        cases,
        best_lower_bound: best,
        lower_bound_can_pass: threshold.map(|least| best.is_some_and(|best| reaches(best, least))),
        regression_can_block: cases > 0 && (sweep || by_interval),
        one_sided_ratio: one_sided.map(|t| t / n.sqrt()),
        two_sided_ratio: two_sided.map(|t| t / n.sqrt()),
        wins_needed: wins_needed(cases, alpha),
    }
}

/// The chance that all of `cases` cases move one way by luck: 0.5ⁿ.
pub fn clean_sweep_p(cases: usize) -> f64 {
    0.5f64.powf(float(cases))
}

fn wins_needed(cases: usize, alpha: f64) -> Option<usize> {
    let n = u64::try_from(cases).ok()?;
    // The two-sided test of an uneven split is twice the one-sided one.
    let least = |losses: u64| fair_coin_p(n - losses, losses) / 2.0 <= alpha;
    (0..=n / 2)
        .take_while(|losses| n > 0 && least(*losses))
        .last()
        .and_then(|losses| usize::try_from(n - losses).ok())
}

#[expect(clippy::cast_precision_loss, reason = "a number of cases")]
fn float(cases: usize) -> f64 {
    cases as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_trials_and_more_cases_detect_less() {
        let once = Assumptions::default();
        let often = Assumptions { trials: 5, ..once };
        let effect = |cases, assumptions| detectable(cases, assumptions).expect("an effect");
        assert!(effect(40, &often) < effect(40, &once));
        assert!(effect(160, &once) < effect(40, &once) / 1.99);
        assert_eq!(detectable(0, &once), None);
        assert_eq!(detectable(10, &Assumptions { trials: 0, ..once }), None);
        assert_eq!(detectable(10, &Assumptions { sd_between: 0.0, sd_within: 0.0, ..once }), None);
        assert_eq!(cases_needed(0.0, &once), None);
    }

    #[test]
    fn the_cases_needed_for_an_effect_detect_it() {
        let assumptions = Assumptions { trials: 3, ..Assumptions::default() };
        let cases = cases_needed(0.1, &assumptions).expect("a number");
        let cases = usize::try_from(cases).expect("fits");
        assert!(detectable(cases, &assumptions).is_some_and(|effect| effect <= 0.1));
        assert!(detectable(cases - 1, &assumptions).is_some_and(|effect| effect > 0.1));
    }

    #[test]
    fn a_gate_that_no_answers_can_pass_is_known_beforehand() {
        let of = |cases| preflight(cases, Scale::default(), 1.0, 0.95, Some(4.2));
        assert_eq!(of(1).lower_bound_can_pass, Some(false));
        assert_eq!(of(3).lower_bound_can_pass, Some(false), "{:?}", of(3));
        assert_eq!(of(15).lower_bound_can_pass, Some(true));
        assert_eq!(of(0).lower_bound_can_pass, Some(false));
        assert_eq!(preflight(15, Scale::default(), 1.0, 0.95, None).lower_bound_can_pass, None);
    }

    #[test]
    fn a_margin_that_no_answers_can_breach_is_known_beforehand() {
        let of = |cases| preflight(cases, Scale::default(), 1.0, 0.95, None).regression_can_block;
        assert_eq!([0, 1, 2, 3, 6].map(of), [false, false, false, true, true]);
    }
}
