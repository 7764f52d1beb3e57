//! The mean that humans would have given, from few human labels and many judge scores.

use super::{Estimate, Measured, Undefined, checked, co_moment, constant, float, mean};
use crate::aggregate::distribution::normal_quantile;

/// A prediction-powered mean.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Powered {
    /// The corrected mean.
    pub mean: Estimate,
    /// How far the judge is trusted: 0 uses the human labels alone, 1 the judge's mean less its bias.
    pub lambda: f64,
}

/// The prediction-powered mean (PPI++, Angelopoulos, Duchi & Zrnic 2023): θ = λ·mean(judge, unlabelled) +
/// mean(human − λ·judge, labelled), with Var θ = λ²·Var(judge, unlabelled)/N + Var(human − λ·judge, labelled)/n,
/// variances over n − 1. Without `lambda` it is the best one, Cov(human, judge)/((1 + n/N)·Var(judge, all)) cut to
/// 0 and 1, with the covariance over n as the authors' `ppi_py` takes it. The interval is normal.
///
/// It holds as far as the labelled rows are a random part of all rows. Without unlabelled rows it is the mean of
/// the human labels (λ = 0). There is no interval when nothing varied.
///
/// # Errors
/// Fewer than two labelled rows, or numbers that are not finite.
pub fn powered_mean(
    human: &[f64],
    judge: &[f64],
    unlabelled: &[f64],
    lambda: Option<f64>,
    confidence: f64,
) -> Measured<Powered> {
    checked(human, judge, 2)?;
    if !unlabelled.iter().all(|score| score.is_finite()) {
        return Err(Undefined::Unusable);
    }
    let (n, many) = (float(human.len()), float(unlabelled.len()));
    let lambda = match lambda {
        _ if unlabelled.len() < 2 => 0.0,
        Some(lambda) => lambda,
        None => {
            let all: Vec<f64> = judge.iter().chain(unlabelled).copied().collect();
            let variance = variance(&all);
            let best = co_moment(human, judge) / n / ((1.0 + n / many) * variance);
            if constant(&all) { 0.0 } else { best.clamp(0.0, 1.0) }
        }
    };
    let rest: Vec<f64> = human.iter().zip(judge).map(|(human, judge)| human - lambda * judge).collect();
    let from_judge = if lambda == 0.0 {
        (0.0, 0.0)
    } else {
        (lambda * mean(unlabelled), lambda * lambda * variance(unlabelled) / many)
    };
    let value = from_judge.0 + mean(&rest);
    let squared = from_judge.1 + variance(&rest) / n;
    let stderr = (squared > 1e-18).then(|| squared.sqrt());
    let z = normal_quantile(0.5 + confidence / 2.0);
    let interval = stderr.zip(z).map(|(stderr, z)| (value - z * stderr, value + z * stderr));
    Ok(Powered { mean: Estimate { value, stderr, interval }, lambda })
}

fn variance(values: &[f64]) -> f64 {
    co_moment(values, values) / (float(values.len()) - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_unlabelled_rows_it_is_the_humans_mean() {
        let found = powered_mean(&[4.0, 2.0, 3.0], &[5.0, 3.0, 5.0], &[], None, 0.95).expect("a mean");
        assert_eq!((found.mean.value, found.lambda), (3.0, 0.0));
        assert!(found.mean.interval.is_some());
    }

    #[test]
    fn a_judge_without_variation_is_not_used() {
        let found = powered_mean(&[4.0, 2.0, 3.0], &[5.0; 3], &[5.0; 9], None, 0.95).expect("a mean");
        assert_eq!((found.mean.value, found.lambda), (3.0, 0.0));
        let still = powered_mean(&[4.0; 3], &[5.0; 3], &[5.0; 9], None, 0.95).expect("a mean");
        assert_eq!((still.mean.value, still.mean.interval), (4.0, None));
        assert_eq!(powered_mean(&[4.0], &[5.0], &[4.0], None, 0.95), Err(Undefined::TooFew));
    }
}
