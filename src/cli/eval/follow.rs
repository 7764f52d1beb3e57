//! Whoever follows a run: its files, its tallies, the bar.

use super::foreign::foreign;
use super::shown::Shown;
use crate::aggregate::{AssertPlan, Planned, Tally};
use crate::cli::clock;
use crate::cli::terminal::Terminal;
use crate::domain::exchange::Source;
use crate::domain::{Diagnostic, Error, Grade, Kind, Result, RunId, TrialRecord, Usd};
use crate::ledger::{BaseTrial, BaseWriter, RunReader, RunWriter};
use crate::plan::{GatePlan, Plan};
use crate::report::assemble::Reported;
use crate::report::progress::Progress;
use crate::retrieve::freshness;
use crate::run::Reporter;

/// Worst cases to keep per gate.
const WORST: usize = 5;

/// What a gate has gathered.
#[derive(Debug)]
pub struct Gathered {
    /// The numbers.
    pub tally: Tally,
    /// The models seen.
    pub reported: Reported,
    /// What was retrieved.
    pub shown: Shown,
    suite: std::sync::Arc<crate::manifest::suite::Suite>,
    retrieval: Option<std::sync::Arc<crate::manifest::retrieval::Retrieval>>,
    cases: Vec<usize>,
}

impl Gathered {
    /// Nothing has happened yet.
    pub fn new(gate: &GatePlan) -> Self {
        let mut planned = Planned::new(gate.cases.len(), gate.trials);
        planned.worst = WORST;
        planned.top_k = gate.retrieval.as_ref().and_then(|retrieval| usize::try_from(retrieval.top_k).ok());
        let retrieval = gate.retrieval.as_ref();
        let max_age = retrieval.and_then(|retrieval| retrieval.max_age_days);
        planned.stale_before = max_age.and_then(|days| freshness::limit(&clock::today(), days));
        Self {
            tally: Tally::new(planned),
            shown: Shown::new(max_age),
            reported: Reported::default(),
            suite: std::sync::Arc::clone(&gate.suite),
            retrieval: gate.retrieval.clone(),
            cases: gate.cases.clone(),
        }
    }

    /// What machines are told of what was retrieved.
    pub fn retrieved(&self) -> Vec<Diagnostic> {
        self.retrieval.as_ref().map_or(Vec::new(), |retrieval| self.shown.diagnostics(retrieval))
    }

    /// Takes in one record.
    pub fn add(&mut self, record: &TrialRecord) {
        // The suite says whether a case pins its context; a record of an earlier version does not.
        let pinned = self.suite.cases.get(self.cases[record.case]).case.context.is_some();
        if record.pinned != pinned {
            return self.add(&TrialRecord { pinned, ..record.clone() });
        }
        // Which asserts a trial would have had matters only where it has no grade to show them.
        let plan = match record.grade {
            Grade::Scored { .. } => None,
            Grade::Unscored { .. } => self.cases.get(record.case).map(|&index| {
                let row = self.suite.cases.get(index);
                AssertPlan::of(self.suite.asserts.iter().chain(&row.asserts))
            }),
        };
        if !pinned {
            self.shown.add(record);
        }
        self.tally.add(record, plan.as_ref());
        self.reported.answers.extend(record.reported.clone());
        if let Grade::Scored { judgement: Some(judgement), .. } = &record.grade {
            self.reported.judges.extend(judgement.reported.iter().cloned());
        }
    }
}

/// Writes records, folds them, and moves the bar.
#[derive(Debug)]
pub struct Follower {
    /// The run.
    pub id: RunId,
    /// Per gate.
    pub gates: Vec<Gathered>,
    /// The run's files; taken when it ends.
    pub writer: Option<RunWriter>,
    /// For the other side of a comparison: what it answered, and the gate of the run that each of its gates stands for.
    pub base: Option<(BaseWriter, Vec<usize>)>,
    progress: Progress,
    done: u64,
    failed: u64,
    unscored: u64,
    spent: Option<Usd>,
}

impl Follower {
    /// Nothing has happened yet.
    pub fn new(plan: &Plan, writer: Option<RunWriter>, id: RunId, terminal: &Terminal) -> Self {
        Self {
            id,
            gates: plan.gates.iter().map(Gathered::new).collect(),
            writer,
            base: None,
            progress: Progress::new(u64::try_from(plan.planned()).unwrap_or(u64::MAX), terminal.progress),
            done: 0,
            failed: 0,
            unscored: 0,
            spent: None,
        }
    }

    /// Takes in the first `count` records of an earlier part of the same run of `plan`.
    ///
    /// # Errors
    /// When a record cannot be read, or is not that of the trial which the plan has in its place.
    pub fn replay(&mut self, plan: &Plan, reader: &RunReader, count: usize) -> Result<()> {
        let mut places = plan.places();
        for (line, record) in reader.records()?.take(count).enumerate() {
            let record = record?;
            let place = (record.gate, record.case, record.trial);
            let why = match places.next() {
                Some(planned) if planned == place => foreign(&plan.gates[place.0], place.1, &record),
                _ => Some("it stands in the wrong place".to_owned()),
            };
            if let Some(why) = why {
                let id = reader.id();
                let message = format!("run {id} cannot be continued: line {} of its trials: {why}", line + 1);
                return Err(Error::new(Kind::Storage, message).hint(
                    "it was changed after it was written: run `llmops eval`, which uses what is stored",
                ));
            }
            self.arrived(&record);
            self.gates[place.0].add(&record);
        }
        Ok(())
    }

    /// Takes the bar away.
    pub fn done(&self) {
        self.progress.finish();
    }
}

fn base_trial(gate: usize, record: &TrialRecord) -> BaseTrial {
    let score = match &record.grade {
        Grade::Scored { judgement, .. } => judgement.as_ref().and_then(|judgement| judgement.score),
        Grade::Unscored { .. } => None,
    };
    BaseTrial { gate, id: record.id.clone(), trial: record.trial, score, output: record.output.clone() }
}

impl Reporter for Follower {
    fn trial(&mut self, record: &TrialRecord) -> Result<()> {
        if let Some(writer) = &mut self.writer {
            writer.append(record)?;
        }
        if let Some((writer, gates)) = &mut self.base
            && let Some(gate) = gates.get(record.gate)
        {
            writer.append(&base_trial(*gate, record))?;
        }
        if let Some(gate) = self.gates.get_mut(record.gate) {
            gate.add(record);
        }
        Ok(())
    }

    fn arrived(&mut self, record: &TrialRecord) {
        self.done += 1;
        match &record.grade {
            Grade::Unscored { .. } => self.unscored += 1,
            Grade::Scored { asserts, .. } => {
                self.failed += u64::from(asserts.iter().any(|assert| !assert.passed));
            }
        }
        for call in record.calls.iter().filter(|call| call.source == Source::Live) {
            if let Some(cost) = call.cost {
                self.spent = Some(self.spent.unwrap_or(Usd::ZERO) + cost);
            }
        }
        self.progress.tick(self.done, self.failed, self.unscored, self.spent);
    }
}
