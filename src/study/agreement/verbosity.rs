//! Whether the judge rewards length: its score against the length of the answer, at the same human score.

use super::{Estimate, Measured, Undefined, checked, float};
use crate::aggregate::distribution::{t_quantile, t_two_sided_p};

/// The judge's taste for length.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Verbosity {
    /// Points of judge score per unit of ln(length), at the same human score.
    pub slope: Estimate,
    /// The same per doubling of the length: slope·ln 2.
    pub points_per_doubling: f64,
    /// The two-sided t test of a slope of 0; `None` when the fit leaves no residual.
    pub p_value: Option<f64>,
    /// Points of judge score per point of human score.
    pub human_slope: f64,
    /// The constant of the fit.
    pub constant: f64,
    /// Rows.
    pub n: usize,
}

/// Least squares of judge on 1 + human + ln(length), lengths in characters. An empty answer counts as one
/// character, since ln 0 is no number.
///
/// # Errors
/// Fewer than four rows, or lengths (or human scores) that do not vary on their own.
pub fn verbosity(human: &[f64], judge: &[f64], lengths: &[usize], confidence: f64) -> Measured<Verbosity> {
    checked(human, judge, 4)?;
    if lengths.len() != human.len() {
        return Err(Undefined::Unusable);
    }
    let logs: Vec<f64> = lengths.iter().map(|length| float((*length).max(1)).ln()).collect();
    let ones = vec![1.0; human.len()];
    let columns = [ones.as_slice(), human, &logs];
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let inverse = inverse(columns.map(|a| columns.map(|b| dot(a, b)))).ok_or(Undefined::NoVariation)?;
    let moments = columns.map(|column| dot(column, judge));
    let [constant, human_slope, slope] =
        inverse.map(|row| row.iter().zip(&moments).map(|(x, y)| x * y).sum::<f64>());
    let fitted = |row: usize| constant + human_slope * human[row] + slope * logs[row];
    let squares: f64 = judge.iter().enumerate().map(|(row, score)| (score - fitted(row)).powi(2)).sum();
    let df = float(human.len() - 3);
    let stderr = (squares > 1e-18).then(|| (squares / df * inverse[2][2]).sqrt());
    let interval = stderr.and_then(|stderr| {
        let reach = stderr * t_quantile(0.5 + confidence / 2.0, df)?;
        Some((slope - reach, slope + reach))
    });
    Ok(Verbosity {
        slope: Estimate { value: slope, stderr, interval },
        points_per_doubling: slope * std::f64::consts::LN_2,
        p_value: stderr.and_then(|stderr| t_two_sided_p(slope / stderr, df)),
        human_slope,
        constant,
        n: human.len(),
    })
}

/// The inverse of a symmetric 3 × 3 matrix by cofactors; `None` when it is singular for its size.
fn inverse(m: [[f64; 3]; 3]) -> Option<[[f64; 3]; 3]> {
    let minor = |i: usize, j: usize| {
        let (a, b) = ((i + 1) % 3, (i + 2) % 3);
        let (c, d) = ((j + 1) % 3, (j + 2) % 3);
        m[a][c] * m[b][d] - m[a][d] * m[b][c]
    };
    let determinant: f64 = (0..3).map(|j| m[0][j] * minor(0, j)).sum();
    let size = m[0][0] * m[1][1] * m[2][2];
    if !determinant.is_finite() || determinant.abs() <= size.abs() * 1e-12 {
        return None;
    }
    let mut out = [[0.0; 3]; 3];
    for (i, row) in out.iter_mut().enumerate() {
        for (j, cell) in row.iter_mut().enumerate() {
            *cell = minor(j, i) / determinant;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_variation_in_length_there_is_no_slope() {
        let scores = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(verbosity(&scores, &scores, &[100; 5], 0.95), Err(Undefined::NoVariation));
        assert_eq!(verbosity(&[3.0; 5], &scores, &[1, 2, 4, 8, 16], 0.95), Err(Undefined::NoVariation));
        assert_eq!(verbosity(&scores[..3], &scores[..3], &[1, 2, 3], 0.95), Err(Undefined::TooFew));
    }

    #[test]
    fn a_planted_slope_is_found() {
        let human = [1.0, 2.0, 3.0, 4.0, 5.0, 3.0];
        let lengths = [64, 2, 0, 16, 4, 128];
        let judge: Vec<f64> = human
            .iter()
            .zip(lengths)
            .map(|(human, length)| human + 0.25 * (f64::from(length.max(1)).log2()))
            .collect();
        let found = verbosity(&human, &judge, &lengths.map(|length| length as usize), 0.95).expect("a slope");
        assert!((found.points_per_doubling - 0.25).abs() < 1e-9, "{found:?}");
    }
}
