//! The records of all shards, brought into plan order.

use super::consistent;
use crate::domain::{Error, Result, TrialRecord};
use crate::plan::Plan;
use crate::plan::sample::Shard;
use crate::report::{json, v1};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Where a record lies in the spool.
struct Entry {
    report: usize,
    gate: usize,
    id: String,
    trial: u32,
    start: u64,
    length: usize,
}

/// The records of all shards in a file: a run may have more than memory should hold.
pub struct Spool {
    file: File,
    end: u64,
    entries: Vec<Entry>,
}

impl Spool {
    /// An empty one.
    ///
    /// # Errors
    /// When no temporary file can be made.
    pub fn new() -> Result<Self> {
        let file =
            tempfile::tempfile().map_err(|error| Error::storage("cannot make a temporary file", error))?;
        Ok(Self { file, end: 0, entries: Vec::new() })
    }

    /// Takes in the records of one report, and holds that what it says of each case is what they say.
    ///
    /// # Errors
    /// When the report cannot be read, is not that of a shard, or does not hold together.
    pub fn read(&mut self, report: usize, path: &Path) -> Result<v1::Report> {
        let shown = path.display().to_string();
        let input =
            File::open(path).map_err(|error| Error::input(format!("cannot read {shown}")).because(error))?;
        let head = json::read(&shown, input, &mut |gate, mut case| {
            let Some(record) = case.record.take() else {
                return Err(Error::input(format!(
                    "{shown} is not the report of a shard: its cases carry no records"
                ))
                .hint("write it with `llmops eval --shard K/N --report json=PATH`"));
            };
            if let Some(why) = consistent::row(&case, &record) {
                return Err(consistent::broken(&shown, &why));
            }
            let line = serde_json::to_vec(&record)
                .map_err(|error| Error::storage("a record cannot be kept", error))?;
            self.file.write_all(&line).map_err(|error| Error::storage("a record cannot be kept", error))?;
            self.entries.push(Entry {
                report,
                gate,
                id: case.id,
                trial: case.trial,
                start: self.end,
                length: line.len(),
            });
            self.end += u64::try_from(line.len()).unwrap_or_default();
            Ok(())
        })?;
        Ok(head)
    }

    /// Every entry with its gate and case of the plan, in plan order.
    ///
    /// # Errors
    /// When a record is of no planned trial, of another shard, or there twice, or when a planned trial has none.
    pub fn in_order(
        &self,
        plan: &Plan,
        heads: &[v1::Report],
        shards: &[Shard],
    ) -> Result<Vec<(usize, usize, usize)>> {
        let gates: HashMap<(&str, &str), usize> = plan
            .gates
            .iter()
            .enumerate()
            .map(|(at, gate)| ((gate.prompt.name.as_str(), gate.suite.name.as_str()), at))
            .collect();
        let cases: Vec<HashMap<&str, usize>> = plan
            .gates
            .iter()
            .map(|gate| (0..gate.cases.len()).map(|at| (gate.case_id(at).as_str(), at)).collect())
            .collect();
        let mut placed = Vec::with_capacity(self.entries.len());
        for (index, entry) in self.entries.iter().enumerate() {
            let gate = &heads[entry.report].gates[entry.gate];
            let place = gates
                .get(&(gate.prompt.name.as_str(), gate.suite.name.as_str()))
                .and_then(|at| Some((*at, *cases[*at].get(entry.id.as_str())?)));
            let Some((gate, case)) = place.filter(|(at, _)| entry.trial < plan.gates[*at].trials) else {
                return Err(Error::input(format!("the case `{}` of a shard is not planned here", entry.id))
                    .hint("merge at the commit that the shards ran at"));
            };
            let shard = shards[entry.report];
            if !shard.holds(plan.gates[gate].case_id(case)) {
                return Err(Error::input(format!("the case `{}` is not one of shard {shard}", entry.id))
                    .hint("run the shard again"));
            }
            placed.push((gate, case, index));
        }
        let trial = |index: usize| self.entries[index].trial;
        placed.sort_by_key(|(gate, case, index)| (*gate, *case, trial(*index)));
        for pair in placed.windows(2) {
            let [(gate, case, one), (other, same, two)] = pair else { continue };
            if (gate, case, trial(*one)) == (other, same, trial(*two)) {
                let id = &self.entries[*one].id;
                return Err(Error::input(format!(
                    "trial {} of the case `{id}` is in two shards",
                    trial(*one)
                )));
            }
        }
        if placed.len() < plan.planned() {
            let missing = plan.planned() - placed.len();
            let trials = if missing == 1 { "trial is" } else { "trials are" };
            return Err(Error::input(format!("{missing} planned {trials} in no shard"))
                .hint("run the shards again, and let each of them finish"));
        }
        Ok(placed)
    }

    /// The report that a record is in.
    pub fn report(&self, index: usize) -> usize {
        self.entries[index].report
    }

    /// One record, read back.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn record(&mut self, index: usize) -> Result<TrialRecord> {
        let entry = &self.entries[index];
        let mut line = vec![0; entry.length];
        self.file
            .seek(SeekFrom::Start(entry.start))
            .and_then(|_| self.file.read_exact(&mut line))
            .map_err(|error| Error::storage("a record cannot be read back", error))?;
        serde_json::from_slice(&line).map_err(|error| Error::storage("a record cannot be read back", error))
    }
}
