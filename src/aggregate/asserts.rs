//! Asserts over a whole gate: the share that passes, and pass rates by name.

use crate::domain::AssertOutcome;
use crate::manifest::assert::Assert;
use std::collections::BTreeMap;

/// The asserts that one trial of a case has, whether or not they could be evaluated.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AssertPlan {
    /// The sum of their weights.
    pub weight: f64,
    /// How many carry each name.
    pub metrics: BTreeMap<String, u64>,
}

impl AssertPlan {
    /// The plan of a case with these asserts: the suite's and its own.
    pub fn of<'a>(asserts: impl IntoIterator<Item = &'a Assert>) -> Self {
        let mut plan = Self::default();
        for assert in asserts {
            plan.weight += assert.weight;
            if let Some(name) = &assert.metric {
                *plan.metrics.entry(name.clone()).or_default() += 1;
            }
        }
        plan
    }
}

/// How many asserts of one name passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Metric {
    /// How many passed.
    pub passed: u64,
    /// How many were evaluated.
    pub n: u64,
    /// How many belong to trials without a grade.
    pub open: u64,
}

impl Metric {
    /// The share that passed; `None` when none was evaluated.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub fn rate(self) -> Option<f64> {
        (self.n > 0).then(|| self.passed as f64 / self.n as f64)
    }
}

/// All asserts of a gate.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Asserts {
    /// How many passed.
    pub passed: u64,
    /// How many failed.
    pub failed: u64,
    /// The weight of those that passed.
    pub passed_weight: f64,
    /// The weight of those that failed.
    pub failed_weight: f64,
    /// The weight of those that belong to trials without a grade.
    pub open_weight: f64,
    /// Trials without a grade of which the asserts are not known.
    pub open_trials: u64,
    /// Pass rates by the asserts' `metric`.
    pub metrics: BTreeMap<String, Metric>,
}

impl Asserts {
    /// The share that passed, by weight; `None` when none was evaluated.
    pub fn rate(&self) -> Option<f64> {
        let weight = self.passed_weight + self.failed_weight;
        (weight > 0.0).then(|| self.passed_weight / weight)
    }

    pub(super) fn add(&mut self, outcome: &AssertOutcome) {
        if outcome.passed {
            self.passed += 1;
            self.passed_weight += outcome.weight;
        } else {
            self.failed += 1;
            self.failed_weight += outcome.weight;
        }
        if let Some(name) = &outcome.metric {
            let metric = self.metrics.entry(name.clone()).or_default();
            metric.n += 1;
            metric.passed += u64::from(outcome.passed);
        }
    }

    pub(super) fn add_open(&mut self, plan: Option<&AssertPlan>) {
        let Some(plan) = plan else {
            self.open_trials += 1;
            return;
        };
        self.open_weight += plan.weight;
        for (name, count) in &plan.metrics {
            self.metrics.entry(name.clone()).or_default().open += count;
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.passed_weight += other.passed_weight;
        self.failed_weight += other.failed_weight;
        self.open_weight += other.open_weight;
        self.open_trials += other.open_trials;
        for (name, theirs) in other.metrics {
            let own = self.metrics.entry(name).or_default();
            own.passed += theirs.passed;
            own.n += theirs.n;
            own.open += theirs.open;
        }
    }
}
