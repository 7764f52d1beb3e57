//! How far the judge is from the human: residual = judge − human.

use super::{Estimate, Measured, checked, constant, float, mean};
use crate::aggregate::distribution::t_quantile;
use crate::domain::score::TOLERANCE;

/// The judge's errors, in points of the scale.
#[derive(Clone, PartialEq, Debug)]
pub struct Residuals {
    /// Rows.
    pub n: usize,
    /// Share of rows with the same score.
    pub exact: f64,
    /// Share of rows at most one step apart.
    pub within_one: f64,
    /// Mean absolute error.
    pub mae: f64,
    /// The mean, over the levels that humans gave, of the mean absolute error there: errors on rare levels count.
    pub macro_mae: f64,
    /// Root of the mean squared error.
    pub rmse: f64,
    /// Mean of judge − human: positive when the judge is lenient. Its t interval is `None` for one row, or when
    /// every residual is the same: a spread of 0 that was seen is not a spread of 0 that is known.
    pub bias: Estimate,
    /// Standard deviation of the residuals; `None` for one row.
    pub sd: Option<f64>,
}

/// Compares the judge's scores with the humans', row by row; `step` is the scale's.
///
/// # Errors
/// No rows, or scores that are not finite.
pub fn residuals(human: &[f64], judge: &[f64], step: f64, confidence: f64) -> Measured<Residuals> {
    checked(human, judge, 1)?;
    let residuals: Vec<f64> = judge.iter().zip(human).map(|(judge, human)| judge - human).collect();
    let absolute: Vec<f64> = residuals.iter().map(|residual| residual.abs()).collect();
    let squares: Vec<f64> = residuals.iter().map(|residual| residual * residual).collect();
    let within = |reach: f64| {
        float(absolute.iter().filter(|error| **error <= reach + TOLERANCE).count()) / float(absolute.len())
    };
    let bias = mean_with_interval(&residuals, confidence);
    Ok(Residuals {
        n: residuals.len(),
        exact: within(0.0),
        within_one: within(step),
        mae: mean(&absolute),
        macro_mae: macro_mean(human, &absolute),
        rmse: mean(&squares).sqrt(),
        sd: standard_deviation(&residuals),
        bias,
    })
}

/// A mean with its t interval over n − 1 degrees of freedom.
fn mean_with_interval(values: &[f64], confidence: f64) -> Estimate {
    let value = mean(values);
    let stderr =
        standard_deviation(values).filter(|_| !constant(values)).map(|sd| sd / float(values.len()).sqrt());
    let interval = stderr.and_then(|stderr| {
        let reach = stderr * t_quantile(0.5 + confidence / 2.0, float(values.len() - 1))?;
        Some((value - reach, value + reach))
    });
    Estimate { value, stderr, interval }
}

fn standard_deviation(values: &[f64]) -> Option<f64> {
    let centre = mean(values);
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    (values.len() >= 2).then(|| (squares / float(values.len() - 1)).sqrt())
}

/// The mean of the means of `errors` over rows that share a human score.
fn macro_mean(human: &[f64], errors: &[f64]) -> f64 {
    let mut rows: Vec<(f64, f64)> = human.iter().copied().zip(errors.iter().copied()).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let levels: Vec<f64> = rows
        .chunk_by(|a, b| (a.0 - b.0).abs() <= TOLERANCE)
        .map(|level| mean(&level.iter().map(|(_, error)| *error).collect::<Vec<_>>()))
        .collect();
    mean(&levels)
}
