//! What a run's judge said: the answers that people label, and the scores that are held against them.

use crate::cli::workspace::Workspace;
use crate::domain::{CaseId, Digest, Error, Grade, Kind, ModelId, Result, RunId, TrialRecord};
use crate::ledger::{Home, RunReader, list_runs};
use crate::plan::GatePlan;
use crate::report::stored::Stored;
use crate::report::v1;
use crate::study::calibration::JudgedCase;
use std::collections::BTreeMap;

/// The first trial of every case of one run.
pub struct Judged {
    /// The run.
    pub run: RunId,
    /// The model that answered.
    pub model: ModelId,
    /// The digest of the judge that scored.
    pub judge: Digest,
    /// The digest of the suite as it was run.
    pub suite: String,
    /// What the judge scored.
    pub cases: Vec<JudgedCase>,
    /// Every answer, those without a score too.
    pub answers: BTreeMap<CaseId, String>,
    /// The records that have an answer, in plan order.
    pub records: Vec<TrialRecord>,
}

impl Judged {
    /// Reads the named run, or the last complete one that this judge scored.
    ///
    /// # Errors
    /// [`Kind::NoMatch`] when there is none; an input error when a named run was judged by another judge.
    pub fn read(workspace: &Workspace, gate: &GatePlan, named: Option<&str>) -> Result<Self> {
        let home = Home::at(&workspace.root);
        let wanted = gate.digests.judge;
        if let Some(named) = named {
            let reader = RunReader::open(&home, named)?;
            let found = of_suite(&reader, gate)?.ok_or_else(|| {
                Error::new(
                    Kind::NoMatch,
                    format!("run {} has nothing of the suite `{}`", reader.id(), gate.suite.name),
                )
            })?;
            if wanted != digest(&found.1) {
                let message =
                    format!("run {} was judged by another judge than the suite names now", reader.id());
                return Err(
                    Error::input(message).hint("run `llmops eval` again, or calibrate as of that commit")
                );
            }
            return Self::of(&reader, found);
        }
        let mut other = None;
        for run in list_runs(&home)?.into_iter().filter(|run| run.finished) {
            let reader = RunReader::open(&home, run.id.as_str())?;
            let Some((index, found, complete)) = of_suite(&reader, gate)? else { continue };
            match (complete, wanted == digest(&found)) {
                (true, true) => return Self::of(&reader, (index, found, complete)),
                (true, false) => other = other.or(Some(run.id)),
                (false, _) => {}
            }
        }
        let suite = &gate.suite.name;
        Err(match other {
            Some(run) => Error::new(
                Kind::NoMatch,
                format!("no complete run of `{suite}` by the judge that it names now; run {run} had another"),
            ),
            None => Error::new(Kind::NoMatch, format!("no complete run of the suite `{suite}` is stored")),
        }
        .hint(format!("run `llmops eval --suite {suite}` first")))
    }

    fn of(reader: &RunReader, (index, gate, _): (usize, v1::Gate, bool)) -> Result<Self> {
        let judge = digest(&gate).ok_or_else(|| Error::input(format!("run {} had no judge", reader.id())))?;
        let mut judged = Self {
            run: reader.id().clone(),
            model: ModelId::new(gate.model.target),
            judge,
            suite: gate.suite.digest,
            cases: Vec::new(),
            answers: BTreeMap::new(),
            records: Vec::new(),
        };
        for record in reader.records()? {
            let record = record?;
            // People are shown the first trial.
            if record.gate != index || record.trial != 0 {
                continue;
            }
            let Some(output) = &record.output else { continue };
            if let Grade::Scored { judgement: Some(judgement), .. } = &record.grade {
                judged.cases.push(JudgedCase {
                    id: record.id.clone(),
                    dimensions: judgement.dimensions.clone(),
                    output_chars: output.chars().count(),
                });
            }
            judged.answers.insert(record.id.clone(), output.clone());
            judged.records.push(record);
        }
        Ok(judged)
    }
}

/// The gate of this suite in a run's report, its place, and whether the run was complete.
fn of_suite(reader: &RunReader, gate: &GatePlan) -> Result<Option<(usize, v1::Gate, bool)>> {
    // A report of another version has nothing that could be read.
    let Some(stored) = reader.report()?.and_then(|value| serde_json::from_value::<Stored>(value).ok()) else {
        return Ok(None);
    };
    let complete = reader.finished()
        && stored.report.run.as_ref().is_some_and(|run| run.selection.is_none() && run.shard.is_none());
    let mut gates = stored.report.gates.into_iter().enumerate();
    let found = gates.find(|(_, found)| {
        found.suite.name == gate.suite.name.as_str() && found.prompt.name == gate.prompt.name.as_str()
    });
    Ok(found.map(|(index, found)| (index, found, complete)))
}

fn digest(gate: &v1::Gate) -> Option<Digest> {
    gate.judge.as_ref()?.digest.parse().ok()
}
