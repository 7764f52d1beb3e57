//! How well two raters agree. What a formula does not define is [`Undefined`] with its reason: never 0, never NaN.

pub mod alpha;
pub mod correlation;
pub mod kappa;
pub mod passing;
pub mod powered;
pub mod residual;
pub mod verbosity;

use serde::Serialize;

/// Why a number does not exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Undefined {
    /// Fewer rows than the formula takes.
    #[error("too few labels")]
    TooFew,
    /// A rater gave one score throughout, so that agreement beyond chance has no meaning.
    #[error("no variation: a rater gave the same score throughout")]
    NoVariation,
    /// The scale has more levels than a table of them is sensible for.
    #[error("the scale has too many levels")]
    TooManyLevels,
    /// No row belongs to the class that is counted.
    #[error("no such rows")]
    NoSuchRows,
    /// The judge's errors are so many that its verdicts carry nothing about the truth.
    #[error("the judge is no better than chance")]
    Uninformative,
    /// An input is not a finite number, or two lists differ in length.
    #[error("unusable numbers")]
    Unusable,
}

/// A number, or the reason why there is none.
pub type Measured<T = f64> = Result<T, Undefined>;

/// A number with its two-sided interval.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// The number itself.
    pub value: f64,
    /// Its standard error; `None` where the data do not show one.
    pub stderr: Option<f64>,
    /// Its interval; `None` as `stderr`.
    pub interval: Option<(f64, f64)>,
}

/// Two lists of one length, all finite, of at least `least` rows.
fn checked(a: &[f64], b: &[f64], least: usize) -> Measured<()> {
    if a.len() != b.len() || !a.iter().chain(b).all(|value| value.is_finite()) {
        return Err(Undefined::Unusable);
    }
    if a.len() < least.max(1) { Err(Undefined::TooFew) } else { Ok(()) }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / float(values.len())
}

/// The sum of products of deviations from the means.
fn co_moment(a: &[f64], b: &[f64]) -> f64 {
    let (mean_a, mean_b) = (mean(a), mean(b));
    a.iter().zip(b).map(|(x, y)| (x - mean_a) * (y - mean_b)).sum()
}

/// Whether every value is the same, up to rounding.
fn constant(values: &[f64]) -> bool {
    values.iter().all(|value| (value - values[0]).abs() <= crate::domain::score::TOLERANCE)
}

#[expect(clippy::cast_precision_loss, reason = "counts of labels stay far below 2^53")]
fn float(count: usize) -> f64 {
    count as f64
}
