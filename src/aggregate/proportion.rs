//! Intervals of a share: passes among trials.

use super::distribution::normal_quantile;

/// A share with its interval.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Proportion {
    /// How many of them.
    pub hits: u64,
    /// Among how many; at least 1.
    pub of: u64,
    /// `hits / of`, from 0 to 1.
    pub share: f64,
    /// The two-sided Wilson interval.
    pub interval: (f64, f64),
}

/// The share of `hits` among `of` with its Wilson score interval at `confidence`. `None` when `of` is 0, `hits`
/// is above it, or `confidence` is outside of (0, 1).
pub fn proportion(hits: u64, of: u64, confidence: f64) -> Option<Proportion> {
    let interval = wilson(hits, of, normal_quantile(0.5 + confidence / 2.0)?)?;
    Some(Proportion { hits, of, share: float(hits) / float(of), interval })
}

/// The one-sided lower Wilson bound at `confidence`: the share that is exceeded with that confidence.
pub fn lower_bound(hits: u64, of: u64, confidence: f64) -> Option<f64> {
    wilson(hits, of, normal_quantile(confidence)?).map(|(low, _)| low)
}

/// Wilson (1927): the shares p for which |p̂ − p| ≤ z·√(p(1−p)/n).
fn wilson(hits: u64, of: u64, z: f64) -> Option<(f64, f64)> {
    if of == 0 || hits > of {
        return None;
    }
    let (n, share, square) = (float(of), float(hits) / float(of), z * z);
    let middle = (share + square / (2.0 * n)) / (1.0 + square / n);
    let half = z * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt() / (1.0 + square / n);
    // At the ends the exact bounds are 0 and 1; rounding may miss them by an ulp.
    let low = if hits == 0 { 0.0 } else { (middle - half).max(0.0) };
    let high = if hits == of { 1.0 } else { (middle + half).min(1.0) };
    Some((low, high))
}

#[expect(clippy::cast_precision_loss, reason = "counts of cases stay far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}
