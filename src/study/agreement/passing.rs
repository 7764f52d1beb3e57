//! Whether judge and human draw the line at the same place.

use super::{Measured, Undefined, checked};
use crate::aggregate::distribution::normal_quantile;
use crate::aggregate::proportion::{Proportion, proportion};
use crate::domain::score::reaches;

/// Agreement on pass and fail at a threshold. The human is right by definition; "positive" is a pass.
#[derive(Clone, PartialEq, Debug)]
pub struct Passing {
    /// A score at or above it passes.
    pub threshold: f64,
    /// Both pass.
    pub true_passes: u64,
    /// Both fail.
    pub true_fails: u64,
    /// The judge passes what the human fails: what a gate must fear.
    pub false_passes: u64,
    /// The judge fails what the human passes.
    pub false_fails: u64,
    /// The share of rows where both say the same.
    pub agreement: f64,
    /// Of what the human passes, the share that the judge passes, with its Wilson interval.
    pub true_pass_rate: Measured<Proportion>,
    /// Of what the human fails, the share that the judge fails, with its Wilson interval.
    pub true_fail_rate: Measured<Proportion>,
    /// Of what the judge passes, the share that the human passes.
    pub precision: Measured<Proportion>,
}

/// Compares judge and human at `threshold`.
///
/// # Errors
/// No rows, or scores that are not finite.
pub fn passing(human: &[f64], judge: &[f64], threshold: f64, confidence: f64) -> Measured<Passing> {
    checked(human, judge, 1)?;
    let count = |by_human: bool, by_judge: bool| -> u64 {
        human
            .iter()
            .zip(judge)
            .map(|(human, judge)| {
                u64::from(reaches(*human, threshold) == by_human && reaches(*judge, threshold) == by_judge)
            })
            .sum()
    };
    let [pass_pass, fail_fail, fail_pass, pass_fail] =
        [(true, true), (false, false), (false, true), (true, false)].map(|(h, j)| count(h, j));
    let rate = |hits, of| proportion(hits, of, confidence).ok_or(Undefined::NoSuchRows);
    let same = rate(pass_pass + fail_fail, pass_pass + fail_fail + fail_pass + pass_fail)?;
    Ok(Passing {
        threshold,
        true_passes: pass_pass,
        true_fails: fail_fail,
        false_passes: fail_pass,
        false_fails: pass_fail,
        agreement: same.share,
        true_pass_rate: rate(pass_pass, pass_pass + pass_fail),
        true_fail_rate: rate(fail_fail, fail_fail + fail_pass),
        precision: rate(pass_pass, pass_pass + fail_pass),
    })
}

/// What is known of a judge that passes and fails, and how often it passes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PassRate {
    /// The share that the judge passes, from 0 to 1, over rows without labels.
    pub judged: f64,
    /// Over how many rows.
    pub n: u64,
    /// Of what humans fail, the share that the judge fails, and over how many labels.
    pub specificity: (f64, u64),
    /// Of what humans pass, the share that the judge passes, and over how many labels.
    pub sensitivity: (f64, u64),
}

/// A pass rate corrected for the judge's errors.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Corrected {
    /// From 0 to 1.
    pub rate: f64,
    /// Its interval, cut to 0 and 1.
    pub interval: (f64, f64),
}

/// The true pass rate behind a judge's: (p + sp − 1)/(se + sp − 1), cut to 0 and 1 (Rogan & Gladen 1978). Its
/// interval is that of Lee et al. (arXiv 2511.21140): shares are smoothed (p by z²/2 of z², the others by 1 of 2),
/// and the middle is moved by 2z²·(θ·se(1−se)/m₁ − (1−θ)·sp(1−sp)/m₀).
///
/// # Errors
/// [`Undefined::Uninformative`] when se + sp is not above 1; [`Undefined::NoSuchRows`] without labels of both kinds
/// or without judged rows; [`Undefined::Unusable`] for a share outside of 0 to 1.
pub fn rogan_gladen(rate: &PassRate, confidence: f64) -> Measured<Corrected> {
    let PassRate { judged, n, specificity: (specific, fails), sensitivity: (sensitive, passes) } = *rate;
    if [judged, specific, sensitive].iter().any(|share| !(0.0..=1.0).contains(share)) {
        return Err(Undefined::Unusable);
    }
    if n == 0 || fails == 0 || passes == 0 {
        return Err(Undefined::NoSuchRows);
    }
    if specific + sensitive - 1.0 <= 1e-9 {
        return Err(Undefined::Uninformative);
    }
    let z = normal_quantile(0.5 + confidence / 2.0).ok_or(Undefined::Unusable)?;
    let square = z * z;
    let [n, fails, passes] = [n, fails, passes].map(float);
    let smoothed = |share: f64, m: f64| ((m * share + 1.0) / (m + 2.0), m + 2.0);
    let (p, n) = ((n * judged + square / 2.0) / (n + square), n + square);
    let ((sp, m0), (se, m1)) = (smoothed(specific, fails), smoothed(sensitive, passes));
    let gain = se + sp - 1.0;
    if gain <= 1e-9 {
        return Err(Undefined::Uninformative);
    }
    let theta = (p + sp - 1.0) / gain;
    let (of_fails, of_passes) = (sp * (1.0 - sp) / m0, se * (1.0 - se) / m1);
    let middle = theta + 2.0 * square * (theta * of_passes - (1.0 - theta) * of_fails);
    let variance = p * (1.0 - p) / n + (1.0 - theta).powi(2) * of_fails + theta.powi(2) * of_passes;
    let reach = z * variance.sqrt() / gain;
    Ok(Corrected {
        rate: ((judged + specific - 1.0) / (specific + sensitive - 1.0)).clamp(0.0, 1.0),
        interval: ((middle - reach).clamp(0.0, 1.0), (middle + reach).clamp(0.0, 1.0)),
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts of labels stay far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judge_that_tosses_a_coin_corrects_nothing() {
        let coin = PassRate { judged: 0.9, n: 100, specificity: (0.5, 20), sensitivity: (0.5, 20) };
        assert_eq!(rogan_gladen(&coin, 0.95), Err(Undefined::Uninformative));
        let unlabelled = PassRate { specificity: (0.9, 0), sensitivity: (0.9, 20), ..coin };
        assert_eq!(rogan_gladen(&unlabelled, 0.95), Err(Undefined::NoSuchRows));
        let off = PassRate { judged: 1.2, specificity: (0.9, 9), ..coin };
        assert_eq!(rogan_gladen(&off, 0.95), Err(Undefined::Unusable));
    }

    #[test]
    fn a_score_at_the_threshold_passes_despite_rounding() {
        let mean = (0..30).fold(0.0, |sum, _| sum + 4.1) / 30.0;
        let found = passing(&[4.1], &[mean], 4.1, 0.95).expect("rates");
        assert_eq!((found.true_passes, found.true_fail_rate), (1, Err(Undefined::NoSuchRows)));
    }
}
