//! The few distributions that intervals and tests need: normal, Student's t, and the fair coin.

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal, StudentsT};

/// The normal quantile of `probability`; `None` outside of (0, 1).
pub fn normal_quantile(probability: f64) -> Option<f64> {
    open_unit(probability).then(|| Normal::standard().inverse_cdf(probability))
}

/// The probability that a standard normal lies at or below `x`; `None` when `x` is not a number.
pub fn normal_cdf(x: f64) -> Option<f64> {
    (!x.is_nan()).then(|| Normal::standard().cdf(x))
}

/// Beyond this many degrees of freedom the t quantile comes from its expansion around the normal one, whose
/// error is then below 1e-12, while the continued fraction of the exact one loses digits.
const MANY: f64 = 2_000.0;

/// Below this many degrees of freedom the quantile is beyond any scale, and its inversion is not exact.
const FEW: f64 = 0.2;

/// The quantile of Student's t with `df` degrees of freedom, which need not be whole. `None` outside of (0, 1),
/// or below 0.2 degrees of freedom, where it is beyond any use.
///
/// Above 2,000 degrees of freedom: the Cornish–Fisher expansion (Abramowitz & Stegun 26.7.5).
pub fn t_quantile(probability: f64, df: f64) -> Option<f64> {
    if !(open_unit(probability) && df.is_finite() && df > 0.0) {
        return None;
    }
    if df > MANY {
        return normal_quantile(probability).map(|z| expanded(z, df));
    }
    // Newton's method in the library does not settle on so heavy a tail.
    if df < FEW {
        return None;
    }
    let t = StudentsT::new(0.0, 1.0, df).ok()?.inverse_cdf(probability);
    t.is_finite().then_some(t)
}

fn expanded(z: f64, df: f64) -> f64 {
    let (z3, z5, z7) = (z.powi(3), z.powi(5), z.powi(7));
    z + (z3 + z) / (4.0 * df)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * df.powi(2))
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * df.powi(3))
}

/// The probability that Student's t with `df` degrees of freedom is at least as far from 0 as `t`.
pub fn t_two_sided_p(t: f64, df: f64) -> Option<f64> {
    if t.is_nan() || !(df.is_finite() && df > 0.0) {
        return None;
    }
    Some((2.0 * StudentsT::new(0.0, 1.0, df).ok()?.cdf(-t.abs())).clamp(0.0, 1.0))
}

/// The exact two-sided binomial test of `a` against `b` under a fair coin: the chance of a split at least as
/// uneven. 1 when both are 0. It is the sign test, and McNemar's exact test on discordant pairs.
pub fn fair_coin_p(a: u64, b: u64) -> f64 {
    let n = a.saturating_add(b);
    if n == 0 {
        return 1.0;
    }
    Binomial::new(0.5, n).map_or(1.0, |coin| (2.0 * coin.cdf(a.min(b))).min(1.0))
}

fn open_unit(probability: f64) -> bool {
    probability > 0.0 && probability < 1.0
}
