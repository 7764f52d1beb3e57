//! The report of a run as it is kept beside its records: enough to write every format again.

use super::document::{CaseStream, Cases, Detail, Details, Document, Tells, View};
use super::told::{Exchanges, Told};
use super::{found, v1};
use crate::domain::grade::CallRole;
use crate::domain::{Error, Exit, Result, TrialRecord};
use crate::ledger::{BaseTrial, RunReader};
use serde::{Deserialize, Serialize};
use std::cell::{Cell, OnceCell};
use std::collections::HashMap;

/// What a finished run leaves beside its records.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Stored {
    /// The machine form without cases.
    pub report: v1::Report,
    /// What the machine form does not say of each of its gates.
    pub gates: Vec<StoredGate>,
}

/// What people read of a gate, and what its cases are told by.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StoredGate {
    /// Why it is decided as it is, in one sentence.
    pub sentence: String,
    /// What to know beside it.
    pub notes: Vec<String>,
    /// The line to point at.
    pub line: Option<u32>,
    /// The file of that line, where it is not the prompt's manifest.
    pub path: Option<String>,
    /// Its `case_floor`, which says which cases failed.
    pub case_floor: Option<f64>,
}

/// Records that are read once and kept when there are few: a report asks for them gate by gate.
const KEPT: usize = 20_000;

/// A stored run, ready for renderers.
#[derive(Debug)]
pub struct StoredRun {
    /// What was kept.
    pub stored: Stored,
    /// Where the exchanges of its trials are, for whoever shows what was said.
    pub exchanges: Option<Exchanges>,
    reader: RunReader,
    kept: Option<Vec<TrialRecord>>,
    base: OnceCell<HashMap<Place, BaseTrial>>,
    /// Where the last record was found: cases are asked for in order.
    found: Cell<usize>,
}

/// A gate, a case's id and a trial.
type Place = (usize, String, u32);

impl StoredRun {
    /// Joins what was kept with the run's records.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn new(stored: Stored, reader: RunReader) -> Result<Self> {
        let mut kept = Vec::new();
        for record in reader.records()? {
            if kept.len() == KEPT {
                return Ok(Self::of(stored, reader, None));
            }
            kept.push(record?);
        }
        Ok(Self::of(stored, reader, Some(kept)))
    }

    fn of(stored: Stored, reader: RunReader, kept: Option<Vec<TrialRecord>>) -> Self {
        Self { stored, exchanges: None, reader, kept, base: OnceCell::new(), found: Cell::default() }
    }

    /// Reads the report of a finished run.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn open(reader: RunReader) -> Result<Self> {
        let id = reader.id().clone();
        let Some(value) = reader.report()? else {
            return Err(Error::input(format!("run {id} was not finished, so that it has no report"))
                .hint(format!("continue it with `llmops eval --resume={id}`")));
        };
        let stored: Stored = serde_json::from_value(value).map_err(|error| {
            Error::storage(format!("the report of run {id} is not one of this version"), error)
        })?;
        if stored.gates.len() != stored.report.gates.len() {
            return Err(Error::input(format!("the report of run {id} does not hold together"))
                .hint("run the evaluation again: what was paid for is stored"));
        }
        Self::new(stored, reader)
    }

    /// How the run ended.
    pub fn exit(&self) -> Exit {
        Exit::of_code(self.stored.report.exit_code)
    }

    /// The cases of one gate, in plan order.
    pub fn cases(&self, gate: usize) -> CaseStream<'_> {
        let floor = self.stored.gates.get(gate).and_then(|told| told.case_floor);
        if let Some(kept) = &self.kept {
            let rows = kept.iter().filter(move |record| record.gate == gate);
            return Box::new(rows.map(move |record| Ok(self.case(record, floor))));
        }
        match self.reader.records() {
            Err(error) => Box::new(std::iter::once(Err(error))),
            Ok(records) => Box::new(
                records
                    .skip_while(move |record| record.as_ref().is_ok_and(|record| record.gate < gate))
                    .take_while(move |record| record.as_ref().is_ok_and(|record| record.gate == gate))
                    .map(move |record| record.map(|record| self.case(&record, floor))),
            ),
        }
    }

    /// A case; in a shard with the record that `merge` needs.
    fn case(&self, record: &TrialRecord, floor: Option<f64>) -> v1::Case {
        let is_part = self.stored.report.run.as_ref().is_some_and(|run| run.shard.is_some());
        let whole = is_part.then(|| Box::new(record.clone()));
        v1::Case { record: whole, ..v1::Case::of_trial(record, floor) }
    }

    /// What people read of each gate.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn views(&self, worst: usize) -> Result<Vec<View>> {
        let all = self.stored.gates.iter().enumerate();
        all.map(|(gate, told)| {
            Ok(View {
                sentence: told.sentence.clone(),
                notes: told.notes.clone(),
                worst: super::document::worst(
                    self.cases(gate),
                    worst,
                    self.stored.report.gates[gate].required,
                )?,
                line: told.line,
                path: told.path.clone(),
            })
        })
        .collect()
    }

    /// What a case was made of, as far as its record says.
    pub fn detail(&self, gate: usize, case: &v1::Case) -> Option<Detail> {
        let record = self.record(gate, case)?;
        Some(Detail {
            context: record.context.clone(),
            relevant: record.relevant.clone(),
            critical: record.critical,
            pinned: record.pinned,
            lacking: found::lacking(record),
        })
    }

    fn record(&self, gate: usize, case: &v1::Case) -> Option<&TrialRecord> {
        let kept = self.kept.as_ref()?;
        let is_it = |record: &TrialRecord| {
            record.gate == gate && record.trial == case.trial && record.id.as_str() == case.id
        };
        let from = self.found.get().min(kept.len());
        let after = kept[from..].iter().position(is_it).map(|at| from + at);
        let at = after.or_else(|| kept[..from].iter().position(is_it))?;
        self.found.set(at);
        kept.get(at)
    }

    /// What was said in a case, as far as it is kept.
    pub fn told(&self, gate: usize, case: &v1::Case) -> Told {
        let base = self.base.get_or_init(|| {
            let few = if self.kept.is_some() { KEPT } else { 0 };
            let trials = self.reader.base().take(few);
            trials.map(|trial| ((trial.gate, trial.id.to_string(), trial.trial), trial)).collect()
        });
        let before = base.get(&(gate, case.id.clone(), case.trial));
        let calls = self.record(gate, case).map_or(&[][..], |record| &record.calls);
        let answer = calls.iter().find(|call| call.role == CallRole::Answer);
        let exchange = answer.zip(self.exchanges.as_ref()).and_then(|(call, all)| all.get(&call.key));
        Told {
            messages: exchange.map_or(Vec::new(), |exchange| exchange.request.messages),
            base_output: before.and_then(|trial| trial.output.clone()),
            base_score: before.and_then(|trial| trial.score),
        }
    }

    /// Calls `write` with the document.
    ///
    /// # Errors
    /// What `write` returns, or when a record cannot be read.
    pub fn with<T>(&self, worst: usize, write: impl FnOnce(&Document<'_>) -> Result<T>) -> Result<T> {
        let views = self.views(worst)?;
        let cases = |gate: usize| self.cases(gate);
        let details = |gate: usize, case: &v1::Case| Ok(self.detail(gate, case));
        let tells = |gate: usize, case: &v1::Case| self.told(gate, case);
        let document = Document::new(&self.stored.report, Cases(&cases))
            .views(&views)
            .details(Details(&details))
            .tells(Tells(&tells));
        write(&document)
    }
}
