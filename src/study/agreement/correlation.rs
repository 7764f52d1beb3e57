//! Whether two raters put things in the same order.

use super::{Measured, Undefined, checked, co_moment, constant, float};

/// Pearson's correlation of the scores themselves.
///
/// # Errors
/// Fewer than two rows, or a rater who did not vary.
pub fn pearson(a: &[f64], b: &[f64]) -> Measured {
    checked(a, b, 2)?;
    if constant(a) || constant(b) {
        return Err(Undefined::NoVariation);
    }
    Ok((co_moment(a, b) / (co_moment(a, a) * co_moment(b, b)).sqrt()).clamp(-1.0, 1.0))
}

/// Spearman's rank correlation: Pearson's of the mid-ranks, so that ties are handled exactly.
///
/// # Errors
/// As [`pearson`].
pub fn spearman(a: &[f64], b: &[f64]) -> Measured {
    checked(a, b, 2)?;
    pearson(&mid_ranks(a), &mid_ranks(b))
}

/// Ranks from 1; equal values share the mean of their ranks.
fn mid_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|i, j| values[*i].total_cmp(&values[*j]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let tied = order[start..].iter().take_while(|index| values[**index] == values[order[start]]).count();
        for index in &order[start..start + tied] {
            ranks[*index] = float(start) + (float(tied) + 1.0) / 2.0;
        }
        start += tied;
    }
    ranks
}

/// Kendall's tau-b: (C − D)/√((C + D + T_a)(C + D + T_b)), T counting pairs that are tied for one rater alone.
///
/// # Errors
/// As [`pearson`].
pub fn tau_b(a: &[f64], b: &[f64]) -> Measured {
    checked(a, b, 2)?;
    let (mut balance, mut untied_a, mut untied_b) = (0.0, 0.0, 0.0);
    for i in 0..a.len() {
        for j in i + 1..a.len() {
            let (in_a, in_b) = (sign(a[i] - a[j]), sign(b[i] - b[j]));
            balance += in_a * in_b;
            untied_a += in_a.abs();
            untied_b += in_b.abs();
        }
    }
    if untied_a == 0.0 || untied_b == 0.0 {
        return Err(Undefined::NoVariation);
    }
    Ok(balance / f64::sqrt(untied_a * untied_b))
}

fn sign(difference: f64) -> f64 {
    if difference == 0.0 { 0.0 } else { difference.signum() }
}
