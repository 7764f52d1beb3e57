//! The fold: trials in, numbers per case out.

use super::asserts::{AssertPlan, Asserts};
use super::calls::Calls;
use super::case::CaseTally;
use super::estimate::{Estimate, Repeats};
use super::retrieval::Retrieval;
use super::worst::Worst;
use crate::domain::grade::{CallRole, Judgement};
use crate::domain::{AssertOutcome, CaseId, DimensionName, Grade, Scale, TrialRecord, Unscored, Usd};
use jiff::civil::Date;
use std::collections::{BTreeMap, HashMap};

/// What the plan says of a gate before its first trial.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Planned {
    /// How many cases.
    pub cases: usize,
    /// Trials of each; at least 1.
    pub trials: u32,
    /// The k of retrieval metrics; `None` takes the number of sources shown.
    pub top_k: Option<usize>,
    /// Chunks last updated before this day are stale; `None` where the manifest sets no age.
    pub stale_before: Option<Date>,
    /// How many of the worst cases to keep.
    pub worst: usize,
}

impl Planned {
    /// So many cases with so many trials each, without retrieval, keeping the five worst cases.
    pub fn new(cases: usize, trials: u32) -> Self {
        Self { cases, trials, top_k: None, stale_before: None, worst: 5 }
    }

    /// How many trials in all.
    pub fn all(&self) -> u64 {
        u64::try_from(self.cases).unwrap_or(u64::MAX).saturating_mul(u64::from(self.trials))
    }
}

/// How many trials have no grade for one reason.
#[derive(Clone, PartialEq, Debug)]
pub struct UnscoredCount {
    /// How many.
    pub count: u64,
    /// What the first of them, in plan order, said.
    pub detail: String,
}

/// Records that cannot be what a run wrote. Nothing is decided from them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    /// Planned trials without a record.
    pub missing: u64,
    /// Records of a trial that is not planned, or that has another record.
    pub surplus: u64,
    /// Records with a weight or a score that is no number, or a weight that is not above 0.
    pub corrupt: u64,
}

/// How many answers were refusals.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Refusals {
    /// How many were.
    pub refused: u64,
    /// Of how many answers it is known.
    pub known: u64,
    /// Trials of which it is not known.
    pub open: u64,
}

impl Refusals {
    /// The share of refusals; `None` when nothing is known.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub fn rate(self) -> Option<f64> {
        (self.known > 0).then(|| self.refused as f64 / self.known as f64)
    }
}

/// What the calls to the model under test and to its embedder cost, as if they were live.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TestedCost {
    /// The sum of what is priced.
    pub sum: Usd,
    /// Calls without a price.
    pub unpriced: u64,
    /// Of these, calls for which the provider reported no usage.
    pub unreported: u64,
    /// Trials without a reply of the model under test.
    pub unanswered: u64,
}

/// Everything that a gate decides on: per case a few numbers, and sums.
#[derive(Clone, Debug)]
pub struct Tally {
    pub(super) planned: Planned,
    pub(super) cases: Vec<CaseTally>,
    pub(super) at: HashMap<CaseId, usize>,
    pub(super) dimensions: Vec<DimensionName>,
    pub(super) range: Option<(f64, f64)>,
    pub(super) trials: u64,
    pub(super) surplus: u64,
    pub(super) corrupt: u64,
    /// Trials without a grade, by reason.
    pub unscored: BTreeMap<Unscored, UnscoredCount>,
    /// Asserts.
    pub asserts: Asserts,
    /// Refusals.
    pub refusals: Refusals,
    /// Retrieval.
    pub retrieval: Retrieval,
    /// Calls, tokens, money, time.
    pub calls: Calls,
    /// What the model under test cost.
    pub tested: TestedCost,
    /// The worst cases.
    pub worst: Worst,
    /// Judge replies that had to be read leniently.
    pub lenient: u64,
}

impl Tally {
    /// Nothing seen yet.
    pub fn new(planned: Planned) -> Self {
        Self {
            planned,
            cases: Vec::new(),
            at: HashMap::new(),
            dimensions: Vec::new(),
            range: None,
            trials: 0,
            surplus: 0,
            corrupt: 0,
            unscored: BTreeMap::new(),
            asserts: Asserts::default(),
            refusals: Refusals::default(),
            retrieval: Retrieval::default(),
            calls: Calls::default(),
            tested: TestedCost::default(),
            worst: Worst::new(planned.worst),
            lenient: 0,
        }
    }

    /// Adds one trial. `asserts` says which asserts the trial's case has; without it a trial that has no grade is
    /// held capable of any number of failures. A record that is not planned, was seen before, or holds numbers that
    /// cannot be, is counted in [`Tally::faults`] and otherwise left out.
    pub fn add(&mut self, record: &TrialRecord, asserts: Option<&AssertPlan>) {
        if !sound(record) {
            self.corrupt += 1;
            return;
        }
        let at = self.find(record);
        if record.trial >= self.planned.trials || !self.cases[at].see(record.trial) {
            self.surplus += 1;
            return;
        }
        self.trials += 1;
        match &record.grade {
            Grade::Scored { asserts, judgement } => self.add_scored(at, asserts, judgement.as_ref()),
            Grade::Unscored { reason, detail } => self.add_unscored(at, *reason, detail, asserts),
        }
        match record.refused {
            Some(refused) => {
                self.refusals.known += 1;
                self.refusals.refused += u64::from(refused);
            }
            None => self.refusals.open += 1,
        }
        self.cases[at].ranked |= self.retrieval.add(record, self.planned.top_k, self.planned.stale_before);
        self.calls.add(record);
        self.add_cost(record);
        self.worst.see(&self.cases[at], record);
    }

    fn find(&mut self, record: &TrialRecord) -> usize {
        if let Some(at) = self.at.get(&record.id) {
            return *at;
        }
        let at = self.cases.len();
        self.cases.push(CaseTally::new(record.case, record.id.clone(), record.weight, record.critical));
        self.at.insert(record.id.clone(), at);
        at
    }

    fn add_scored(&mut self, at: usize, asserts: &[AssertOutcome], judgement: Option<&Judgement>) {
        self.cases[at].scored += 1;
        for outcome in asserts {
            self.asserts.add(outcome);
            self.cases[at].asserts.failed += u32::from(!outcome.passed);
        }
        let Some(judgement) = judgement else { return };
        self.lenient += u64::from(judgement.lenient);
        if let Some(score) = judgement.score {
            self.cases[at].score.add(score);
            self.widen(score);
        }
        for (name, score) in &judgement.dimensions {
            let number = self.number(name);
            if let Some(score) = *score {
                self.cases[at].dimension_mut(number).add(score);
                self.widen(score);
            }
        }
    }

    fn add_unscored(&mut self, at: usize, reason: Unscored, detail: &str, plan: Option<&AssertPlan>) {
        let case = &mut self.cases[at];
        case.unscored += 1;
        case.asserts.open |= plan.is_none_or(|plan| plan.weight > 0.0);
        self.asserts.add_open(plan);
        let known = self.unscored.entry(reason);
        known.or_insert_with(|| UnscoredCount { count: 0, detail: detail.to_owned() }).count += 1;
    }

    fn add_cost(&mut self, record: &TrialRecord) {
        let tested = || record.calls.iter().filter(|call| call.role != CallRole::Judge);
        self.tested.sum += tested().filter_map(|call| call.cost).sum();
        self.tested.unpriced +=
            u64::try_from(tested().filter(|call| call.cost.is_none()).count()).unwrap_or(1);
        let unreported = tested().filter(|call| call.cost.is_none() && !call.reports_usage()).count();
        self.tested.unreported += u64::try_from(unreported).unwrap_or(1);
        self.tested.unanswered += u64::from(!tested().any(|call| call.role == CallRole::Answer));
    }

    fn widen(&mut self, score: f64) {
        let (low, high) = self.range.unwrap_or((score, score));
        self.range = Some((low.min(score), high.max(score)));
    }

    pub(super) fn number(&mut self, name: &DimensionName) -> usize {
        self.dimensions.iter().position(|have| have == name).unwrap_or_else(|| {
            self.dimensions.push(name.clone());
            self.dimensions.len() - 1
        })
    }

    /// What the plan said.
    pub fn planned(&self) -> &Planned {
        &self.planned
    }

    /// The cases in plan order.
    pub fn cases(&self) -> &[CaseTally] {
        &self.cases
    }

    /// The dimensions that were judged or found not applicable.
    pub fn dimensions(&self) -> &[DimensionName] {
        &self.dimensions
    }

    /// The number of a dimension in [`CaseTally::dimension`]; `None` when no judgement names it.
    pub fn dimension_number(&self, name: &DimensionName) -> Option<usize> {
        self.dimensions.iter().position(|have| have == name)
    }

    /// The lowest and the highest score that the judge gave, for a trial or a dimension.
    pub fn range(&self) -> Option<(f64, f64)> {
        self.range
    }

    /// Trials that have a record.
    pub fn trials(&self) -> u64 {
        self.trials
    }

    /// Trials without a grade.
    pub fn trials_unscored(&self) -> u64 {
        self.unscored.values().map(|reason| reason.count).sum()
    }

    /// Cases of which every planned trial has a grade.
    pub fn cases_scored(&self) -> usize {
        self.cases.iter().filter(|case| case.scored == self.planned.trials).count()
    }

    /// Cases of which a ranking was measured: the n of the retrieval metrics.
    pub fn cases_ranked(&self) -> usize {
        self.cases.iter().filter(|case| case.ranked).count()
    }

    /// What is wrong with the records.
    pub fn faults(&self) -> Faults {
        let missing = self.planned.all().saturating_sub(self.trials);
        // A case beyond the plan is surplus even where its trials only fill the number.
        let beyond = u64::try_from(self.cases.len().saturating_sub(self.planned.cases)).unwrap_or(u64::MAX);
        Faults { missing, surplus: self.surplus.max(beyond), corrupt: self.corrupt }
    }

    /// The judge's score over the cases that have one, with its interval; `None` when none has.
    pub fn score(&self, confidence: f64, scale: Scale) -> Option<Estimate> {
        let points: Vec<(f64, f64)> =
            self.cases.iter().filter_map(|case| Some((case.weight, case.mean()?))).collect();
        Estimate::of(&points, confidence, scale)
    }

    /// One dimension over the cases where it was scored; `None` when it was in none.
    pub fn dimension(&self, name: &DimensionName, confidence: f64, scale: Scale) -> Option<Estimate> {
        let at = self.dimension_number(name)?;
        let points: Vec<(f64, f64)> =
            self.cases.iter().filter_map(|case| Some((case.weight, case.dimension(at).mean()?))).collect();
        Estimate::of(&points, confidence, scale)
    }

    /// The repeated trials of every case that has a score.
    pub fn repeats(&self) -> Vec<Repeats> {
        self.cases.iter().filter_map(CaseTally::repeats).collect()
    }
}

fn sound(record: &TrialRecord) -> bool {
    let numbers = match &record.grade {
        Grade::Scored { asserts, judgement } => {
            let scores = judgement.iter().flat_map(|j| j.dimensions.values().copied().chain([j.score]));
            scores.flatten().all(f64::is_finite)
                && asserts.iter().all(|assert| assert.weight.is_finite() && assert.weight >= 0.0)
        }
        Grade::Unscored { .. } => true,
    };
    numbers && record.weight.is_finite() && record.weight > 0.0
}
