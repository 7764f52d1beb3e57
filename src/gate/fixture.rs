//! A run in which everything is in order, for tests that change one thing of it.

use super::{Calibration, Comparison, Decision, Terms, decide};
use crate::aggregate::tally_tests::{assert, judged, record, unscored};
use crate::aggregate::{AssertPlan, Planned, Tally};
use crate::domain::exchange::Source;
use crate::domain::grade::{CallRecord, CallRole};
use crate::domain::{Chunk, Digest, Grade, Scale, TrialRecord, Usage};
use crate::manifest::prompt::{Budget, Dimension, Needs};
use crate::manifest::suite::GateTerms;
use std::collections::BTreeMap;

/// A run and what is demanded of it.
#[derive(Clone)]
pub struct Fixture {
    pub required: Option<f64>,
    pub has_judge: bool,
    pub gate: GateTerms,
    pub dimensions: Vec<Dimension>,
    pub budget: Budget,
    pub comparison: Option<Comparison>,
    pub calibration: Option<Calibration>,
    pub planned: Planned,
    pub records: Vec<TrialRecord>,
    pub plan: Option<AssertPlan>,
}

pub fn dimension(name: &str, required: Option<f64>, needs: &[Needs]) -> Dimension {
    let description = name.to_owned();
    Dimension { name: name.into(), description, weight: 1.0, required, needs: needs.to_vec(), place: None }
}

fn answer(ms: u64) -> CallRecord {
    CallRecord {
        role: CallRole::Answer,
        source: Source::Live,
        key: Digest::of_text("answer"),
        retries: 0,
        latency_ms: ms,
        usage: Usage { input: Some(100), ..Usage::default() },
        cost: Some("0.01".parse().unwrap()),
    }
}

pub fn good(case: usize, score: f64) -> TrialRecord {
    let grade = judged(
        Some(score),
        &[("tone", Some(score)), ("faithfulness", Some(4.0))],
        vec![assert(true, 1.0, Some("cites"))],
    );
    let chunk = |source: &str| Chunk {
        text: "text".to_owned(),
        source: Some(source.to_owned()),
        score: None,
        last_updated: Some("2026-05-01".to_owned()),
    };
    TrialRecord {
        refused: Some(false),
        output: Some("answer".to_owned()),
        context: vec![chunk("kb/a.md"), chunk("kb/b.md")],
        relevant: vec!["kb/a.md".to_owned()],
        calls: vec![answer(200)],
        ..record(case, 0, grade)
    }
}

/// An outage: nothing is known of the trial but what the case says.
pub fn outage(case: usize) -> TrialRecord {
    TrialRecord { relevant: vec!["kb/a.md".to_owned()], ..record(case, 0, unscored()) }
}

impl Fixture {
    /// Twenty cases that score 4 and 5 in turn, against 4.2, and everything else in order.
    pub fn new() -> Self {
        let records = (0..20).map(|case| good(case, if case % 2 == 0 { 4.0 } else { 5.0 })).collect();
        let stale_before = Some("2026-01-01".parse().unwrap());
        Self {
            required: Some(4.2),
            has_judge: true,
            gate: GateTerms::default(),
            dimensions: vec![
                dimension("tone", None, &[]),
                dimension("faithfulness", None, &[Needs::Context]),
            ],
            budget: Budget::default(),
            comparison: None,
            calibration: None,
            planned: Planned { top_k: Some(2), stale_before, ..Planned::new(20, 1) },
            records,
            plan: Some(AssertPlan { weight: 1.0, metrics: BTreeMap::from([("cites".to_owned(), 1)]) }),
        }
    }

    pub fn tally(&self) -> Tally {
        let mut tally = Tally::new(self.planned);
        self.records.iter().for_each(|record| tally.add(record, self.plan.as_ref()));
        tally
    }

    pub fn decide(&self) -> Decision {
        let terms = Terms {
            required: self.required,
            scale: self.has_judge.then(Scale::default),
            gate: &self.gate,
            dimensions: &self.dimensions,
            budget: &self.budget,
            has_judge: self.has_judge,
            comparison: self.comparison.as_ref(),
            calibration: self.calibration.as_ref(),
        };
        decide(&terms, &self.tally())
    }

    /// The verdict's word and the codes behind it.
    pub fn verdict(&self) -> (&'static str, Vec<&'static str>) {
        let verdict = self.decide().verdict;
        (verdict.word(), verdict.reasons().iter().map(|reason| reason.code.0).collect())
    }

    #[track_caller]
    pub fn is(&self, word: &str, codes: &[&str]) {
        assert_eq!(self.verdict(), (word, codes.to_vec()));
    }
}

/// The good run, changed.
pub fn with(change: impl FnOnce(&mut Fixture)) -> Fixture {
    let mut fixture = Fixture::new();
    change(&mut fixture);
    fixture
}

pub fn asserts_of(record: &mut TrialRecord) -> &mut Vec<crate::domain::AssertOutcome> {
    match &mut record.grade {
        Grade::Scored { asserts, .. } => asserts,
        Grade::Unscored { .. } => panic!("no grade"),
    }
}

pub fn judgement_of(record: &mut TrialRecord) -> &mut crate::domain::grade::Judgement {
    match &mut record.grade {
        Grade::Scored { judgement: Some(judgement), .. } => judgement,
        _ => panic!("no judgement"),
    }
}
