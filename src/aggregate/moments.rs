//! Weighted sums over cases, and what follows from them: mean, standard error, one-sided lower bound.
//!
//! With case means xᵢ of weights wᵢ, V₁ = Σ wᵢ and V₂ = Σ wᵢ²:
//!
//! - mean m = Σ wᵢ xᵢ / V₁;
//! - variance of a case s² = Σ wᵢ (xᵢ − m)² / (V₁ − V₂ / V₁), which is unbiased where all cases vary alike
//!   (reliability weights);
//! - effective number of cases nₑ = V₁² / V₂ (Kish 1965);
//! - standard error s / √nₑ, with nₑ − 1 degrees of freedom for Student's t.
//!
//! With equal weights these are n, the usual s² over n − 1, and s / √n. Unequal weights make nₑ smaller than the
//! number of cases, so that few heavy cases never look like many.

use super::distribution::t_quantile;
use crate::domain::score::TOLERANCE;

/// Weighted sums of the values of some cases, taken around a centre so that nothing cancels.
#[derive(Clone, Copy, Debug)]
pub struct Moments {
    n: usize,
    v1: f64,
    v2: f64,
    s1: f64,
    s2: f64,
    centre: f64,
    low: f64,
    high: f64,
}

impl Moments {
    /// No cases yet. `centre` is any value near to those that come; it only keeps digits.
    pub fn around(centre: f64) -> Self {
        let (low, high) = (f64::INFINITY, f64::NEG_INFINITY);
        Self { n: 0, v1: 0.0, v2: 0.0, s1: 0.0, s2: 0.0, centre, low, high }
    }

    /// The sums of `(weight, value)` points, around their own mean.
    pub fn of(points: &[(f64, f64)]) -> Self {
        let v1: f64 = points.iter().map(|(weight, _)| weight).sum();
        let centre = points.iter().map(|(weight, value)| weight * value).sum::<f64>() / v1;
        points.iter().fold(Self::around(centre), |sums, (weight, value)| sums.with(*weight, *value))
    }

    /// The same sums with one more case.
    #[must_use]
    pub fn with(self, weight: f64, value: f64) -> Self {
        let moved = value - self.centre;
        Self {
            n: self.n + 1,
            v1: self.v1 + weight,
            v2: self.v2 + weight * weight,
            s1: self.s1 + weight * moved,
            s2: self.s2 + weight * moved * moved,
            centre: self.centre,
            low: self.low.min(value),
            high: self.high.max(value),
        }
    }

    /// The same sums with one of their cases moved by `part` of the way from `low`, where it is, to `high`, on the
    /// chord: Σ w x² moves in proportion too, as it does where only the two ends are possible. Neither the range nor
    /// [`Moments::flat`] follow.
    #[must_use]
    pub fn raised(self, weight: f64, low: f64, high: f64, part: f64) -> Self {
        let (low, high) = (low - self.centre, high - self.centre);
        let s1 = self.s1 + weight * part * (high - low);
        Self { s1, s2: self.s2 + weight * part * (high * high - low * low), ..self }
    }

    /// How many cases.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Σ w.
    pub fn weight(&self) -> f64 {
        self.v1
    }

    /// The weighted mean; `None` without cases.
    pub fn mean(&self) -> Option<f64> {
        (self.n > 0).then(|| self.centre + self.s1 / self.v1)
    }

    /// Σ w (x − m)².
    pub fn squares(&self) -> f64 {
        (self.s2 - self.s1 * self.s1 / self.v1).max(0.0)
    }

    /// The lowest and the highest value; `None` without cases.
    pub fn range(&self) -> Option<(f64, f64)> {
        (self.n > 0).then_some((self.low, self.high))
    }

    /// Whether no two cases differ: then the data tell nothing of the spread. One case is flat.
    pub fn flat(&self) -> bool {
        self.high - self.low <= TOLERANCE
    }

    /// nₑ = V₁² / V₂; `None` without cases.
    pub fn effective_n(&self) -> Option<f64> {
        (self.n > 0).then(|| self.v1 * self.v1 / self.v2)
    }

    /// The standard error is the square root of this times [`Moments::squares`]. It depends on the weights alone.
    /// `None` below two cases.
    pub fn error_factor(&self) -> Option<f64> {
        (self.n > 1).then(|| self.v2 / (self.v1 * self.v1) / (self.v1 - self.v2 / self.v1))
    }

    /// The standard error of the mean; `None` below two cases.
    pub fn stderr(&self) -> Option<f64> {
        Some((self.error_factor()? * self.squares()).sqrt())
    }

    /// The `probability`-quantile of Student's t for these weights. It depends on the weights alone. `None` below
    /// two cases, and where the weights leave hardly more than one effective case.
    pub fn t(&self, probability: f64) -> Option<f64> {
        let effective = if self.n > 1 { self.effective_n()? } else { return None };
        t_quantile(probability, effective - 1.0)
    }

    /// The share of the population that lies at a value that every case had, at `confidence`: α^(1/nₑ), the exact
    /// (Clopper–Pearson) bound of nₑ hits among nₑ.
    pub fn flat_share(&self, confidence: f64) -> Option<f64> {
        Some((1.0 - confidence).powf(1.0 / self.effective_n()?))
    }

    /// The one-sided lower bound of the mean at `confidence`, for values that are never below `min`.
    ///
    /// m − t·SE. With no spread at all, and so for one case, that would be m itself, as if a few equal grades were
    /// certainty; then it is m − (m − min)(1 − α^(1/nₑ)): at least a share α^(1/nₑ) of the population scores
    /// m, and the rest may score `min`. It is never below `min`, which no mean can be. `None` without cases.
    pub fn lower_bound(&self, confidence: f64, min: f64) -> Option<f64> {
        let mean = self.mean()?;
        if self.flat() {
            return Some(mean - (mean - min) * (1.0 - self.flat_share(confidence)?));
        }
        Some(match (self.t(confidence), self.stderr()) {
            (Some(t), Some(stderr)) => (mean - t * stderr).max(min),
            _ => min,
        })
    }
}
