//! The judge's scale.

use serde::{Deserialize, Serialize};

/// Scores are compared with a threshold at this tolerance: thirty times 4.1 averages to 4.099999999999998.
pub const TOLERANCE: f64 = 1e-9;

/// Whether `score` reaches `threshold`, at [`TOLERANCE`].
pub fn reaches(score: f64, threshold: f64) -> bool {
    score >= threshold - TOLERANCE
}

/// The scale of a judge: scores run from `min` to `max` in steps of `step`.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Scale {
    /// The lowest score.
    pub min: f64,
    /// The highest score.
    pub max: f64,
    /// The distance between two neighbouring scores; greater than 0.
    pub step: f64,
}

impl Default for Scale {
    fn default() -> Self {
        Self { min: 1.0, max: 5.0, step: 1.0 }
    }
}

impl Scale {
    /// Whether `score` lies on the scale and on a step of it.
    pub fn holds(&self, score: f64) -> bool {
        if !score.is_finite() || score < self.min - TOLERANCE || score > self.max + TOLERANCE {
            return false;
        }
        let steps = (score - self.min) / self.step;
        (steps - steps.round()).abs() < 1e-6
    }

    /// Whether `threshold` lies between the ends of the scale.
    pub fn spans(&self, threshold: f64) -> bool {
        threshold.is_finite() && threshold >= self.min - TOLERANCE && threshold <= self.max + TOLERANCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_on_the_scale_and_on_a_step() {
        let scale = Scale::default();
        assert!([1.0, 3.0, 5.0].into_iter().all(|score| scale.holds(score)));
        assert!([0.0, 5.5, 6.0, 3.5, f64::NAN, f64::INFINITY].into_iter().all(|score| !scale.holds(score)));
        assert!(Scale { step: 0.5, ..scale }.holds(3.5));
    }

    #[test]
    fn thirty_times_four_point_one_reaches_four_point_one() {
        let mean = (0..30).fold(0.0, |sum, _| sum + 4.1) / 30.0;
        assert!(mean < 4.1 && reaches(mean, 4.1));
        assert!(!reaches(4.199, 4.2));
    }
}
