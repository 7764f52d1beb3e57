//! What is kept of one case: a few numbers, whatever the length of its answers.

use super::estimate::Repeats;
use crate::domain::CaseId;

/// Count, mean and spread of numbers that arrive one by one (Welford 1962; merged as Chan et al. 1979).
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Running {
    n: u32,
    mean: f64,
    squares: f64,
}

impl Running {
    /// Adds one number.
    pub fn add(&mut self, value: f64) {
        self.n += 1;
        let moved = value - self.mean;
        self.mean += moved / f64::from(self.n);
        self.squares += moved * (value - self.mean);
    }

    /// Adds what another part of the run saw.
    pub fn merge(&mut self, other: Self) {
        if other.n == 0 {
            return;
        }
        let (own, n) = (f64::from(self.n), f64::from(self.n + other.n));
        let moved = other.mean - self.mean;
        self.squares += other.squares + moved * moved * own * f64::from(other.n) / n;
        self.mean += moved * f64::from(other.n) / n;
        self.n += other.n;
    }

    /// How many numbers.
    pub fn n(self) -> u32 {
        self.n
    }

    /// Their sum; 0 for none.
    pub fn sum(self) -> f64 {
        self.mean * f64::from(self.n)
    }

    /// Their mean; `None` for none.
    pub fn mean(self) -> Option<f64> {
        (self.n > 0).then_some(self.mean)
    }

    /// Their variance over n − 1; `None` below two.
    pub fn variance(self) -> Option<f64> {
        (self.n > 1).then(|| self.squares / f64::from(self.n - 1))
    }
}

/// The asserts of a case over its trials.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct CaseAsserts {
    /// How many failed.
    pub failed: u32,
    /// Whether a trial without a grade has asserts that could still fail, or might have.
    pub open: bool,
}

/// What is kept of one case.
#[derive(Clone, PartialEq, Debug)]
pub struct CaseTally {
    /// Its place in the plan, from 0.
    pub index: usize,
    /// Its id.
    pub id: CaseId,
    /// Its weight, greater than 0.
    pub weight: f64,
    /// Whether it alone blocks the gate when it fails.
    pub critical: bool,
    /// Trials with a grade.
    pub scored: u32,
    /// Trials without one.
    pub unscored: u32,
    /// The judge's scores of the trials that have one.
    pub score: Running,
    /// The judge's scores per dimension, in the order of [`super::Tally::dimensions`]; shorter where the last ones
    /// were never scored.
    pub dimensions: Vec<Running>,
    /// Its asserts.
    pub asserts: CaseAsserts,
    /// Whether a ranking of it was measured.
    pub ranked: bool,
    /// The trials seen, sorted.
    pub(super) trials: Vec<u32>,
}

impl CaseTally {
    pub(super) fn new(index: usize, id: CaseId, weight: f64, critical: bool) -> Self {
        Self {
            index,
            id,
            weight,
            critical,
            scored: 0,
            unscored: 0,
            score: Running::default(),
            dimensions: Vec::new(),
            asserts: CaseAsserts::default(),
            ranked: false,
            trials: Vec::new(),
        }
    }

    /// The judge's scores of dimension number `at`.
    pub fn dimension(&self, at: usize) -> Running {
        self.dimensions.get(at).copied().unwrap_or_default()
    }

    /// The scores of dimension number `at`, for writing.
    pub(super) fn dimension_mut(&mut self, at: usize) -> &mut Running {
        if self.dimensions.len() <= at {
            self.dimensions.resize(at + 1, Running::default());
        }
        &mut self.dimensions[at]
    }

    /// Notes that `trial` was seen; false when it was before.
    pub(super) fn see(&mut self, trial: u32) -> bool {
        match self.trials.binary_search(&trial) {
            Ok(_) => false,
            Err(at) => {
                self.trials.insert(at, trial);
                true
            }
        }
    }

    /// The mean of its trials; `None` when the judge scored none.
    pub fn mean(&self) -> Option<f64> {
        self.score.mean()
    }

    /// Its trials as they bear on a rerun; `None` when the judge scored none.
    pub fn repeats(&self) -> Option<Repeats> {
        Some(Repeats {
            weight: self.weight,
            mean: self.mean()?,
            variance: self.score.variance(),
            trials: self.score.n(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_merge_to_the_whole() {
        let values = [4.0, 2.0, 5.0, 5.0, 1.0, 3.0];
        let mut whole = Running::default();
        values.into_iter().for_each(|value| whole.add(value));
        let (mut left, mut right) = (Running::default(), Running::default());
        values[..2].iter().for_each(|value| left.add(*value));
        values[2..].iter().for_each(|value| right.add(*value));
        left.merge(right);
        left.merge(Running::default());
        assert_eq!(left.n(), 6);
        assert!((left.mean().unwrap() - 20.0 / 6.0).abs() < 1e-12);
        assert!((left.variance().unwrap() - whole.variance().unwrap()).abs() < 1e-12);
        assert!((whole.variance().unwrap() - 8.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn one_number_has_no_variance_and_none_has_no_mean() {
        let mut one = Running::default();
        assert_eq!((one.mean(), one.variance()), (None, None));
        one.add(3.0);
        assert_eq!((one.mean(), one.variance()), (Some(3.0), None));
    }
}
