//! `llmops merge`: the reports of all shards become one verdict.
//!
//! The reports carry the records of their trials, so that nothing is decided from summaries: the records are brought
//! into plan order and folded as those of one run are.

use super::follow::Follower;
use super::outcome::{Evidence, publish, verdict, worst, write_stored};
use super::session::{random, shown};
use crate::cli::args::{Global, MergeArgs};
use crate::cli::clock;
use crate::cli::terminal::Terminal;
use crate::cli::workspace::Workspace;
use crate::domain::{Error, Exit, Result, TrialRecord, Verdict};
use crate::gate::LatencyEvidence;
use crate::ledger::{Home, RunReader, RunWriter, run_id};
use crate::plan::sample::Shard;
use crate::plan::{Plan, Selection, plan};
use crate::report::stored::{Stored, StoredRun};
use crate::report::{assemble, json, v1};
use crate::run::Reporter;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Reads every report, checks that together they are one run, and decides.
///
/// # Errors
/// When a report cannot be read, a shard is missing, doubled or of another run, or a record is not of the plan.
pub fn merge(global: &Global, terminal: &Terminal, args: &MergeArgs) -> Result<Exit> {
    let workspace = Workspace::open(global.root.as_deref(), &clock::today())?;
    let warnings = workspace.valid()?;
    let mut spool = Spool::new()?;
    let mut heads = Vec::new();
    for (index, path) in args.reports.iter().enumerate() {
        heads.push(spool.read(index, path)?);
    }
    let selection = one_run(&heads, &args.reports)?;
    let plan = replanned(&workspace, &heads, &selection)?;
    let placed = spool.in_order(&plan, &heads)?;
    let run = decided(&workspace, terminal, &heads, &plan, &mut spool, &placed)?;
    publish(&workspace, terminal, &run, &warnings)?;
    write_stored(&run, &args.targets, terminal)?;
    Ok(run.exit())
}

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
struct Spool {
    file: File,
    end: u64,
    entries: Vec<Entry>,
}

impl Spool {
    fn new() -> Result<Self> {
        let file =
            tempfile::tempfile().map_err(|error| Error::storage("cannot make a temporary file", error))?;
        Ok(Self { file, end: 0, entries: Vec::new() })
    }

    fn read(&mut self, report: usize, path: &Path) -> Result<v1::Report> {
        let shown = path.display().to_string();
        let input =
            File::open(path).map_err(|error| Error::input(format!("cannot read {shown}")).because(error))?;
        json::read(input, &mut |gate, case| {
            let Some(record) = case.record else {
                return Err(Error::input(format!(
                    "{shown} is not the report of a shard: its cases carry no records"
                ))
                .hint("write it with `llmops eval --shard K/N --report json=PATH`"));
            };
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
        })
    }

    /// Every entry with its gate and case of the plan, in plan order.
    fn in_order(&self, plan: &Plan, heads: &[v1::Report]) -> Result<Vec<(usize, usize, usize)>> {
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
            let Some((gate, case)) = place else {
                return Err(Error::input(format!("the case `{}` of a shard is not planned here", entry.id))
                    .hint("merge at the commit that the shards ran at"));
            };
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
        Ok(placed)
    }

    fn record(&mut self, index: usize) -> Result<TrialRecord> {
        let entry = &self.entries[index];
        let mut line = vec![0; entry.length];
        self.file
            .seek(SeekFrom::Start(entry.start))
            .and_then(|_| self.file.read_exact(&mut line))
            .map_err(|error| Error::storage("a record cannot be read back", error))?;
        serde_json::from_slice(&line).map_err(|error| Error::storage("a record cannot be read back", error))
    }
}

/// What the shards were narrowed to beside their shard, when together they are one run.
fn one_run(heads: &[v1::Report], paths: &[std::path::PathBuf]) -> Result<Selection> {
    let mut seen: BTreeMap<u32, &Path> = BTreeMap::new();
    let mut first: Option<(&v1::Run, u32)> = None;
    for (head, path) in heads.iter().zip(paths) {
        let shown = path.display();
        let shard = head.run.as_ref().and_then(|run| Some((run, run.shard.as_ref()?.parse::<Shard>().ok()?)));
        let Some((run, shard)) = shard else {
            return Err(Error::input(format!("{shown} is not the report of a shard"))
                .hint("write it with `llmops eval --shard K/N --report json=PATH`"));
        };
        let (one, of) = *first.get_or_insert((run, shard.n()));
        let commit = |run: &v1::Run| run.git.as_ref().and_then(|git| git.commit.clone());
        if of != shard.n()
            || one.selection != run.selection
            || commit(one) != commit(run)
            || one.tool_version != run.tool_version
        {
            return Err(Error::input(format!("{shown} is of another run than {}", paths[0].display()))
                .hint("merge shards of one commit, one number of shards, and one selection"));
        }
        if let Some(other) = seen.insert(shard.k(), path) {
            return Err(Error::input(format!(
                "shard {shard} is there twice: {} and {shown}",
                other.display()
            )));
        }
    }
    let Some((run, of)) = first else { return Err(Error::input("no report was named")) };
    let missing: Vec<String> =
        (1..=of).filter(|k| !seen.contains_key(k)).map(|k| format!("{k}/{of}")).collect();
    if !missing.is_empty() {
        return Err(Error::input(format!("shard {} is missing", missing.join(", ")))
            .hint("a verdict needs all of them"));
    }
    let Some(narrowed) = &run.selection else { return Ok(Selection::default()) };
    let tags: Option<Vec<_>> = narrowed.tags.iter().map(|tag| tag.parse().ok()).collect();
    Ok(Selection {
        case: narrowed.cases.first().map(|id| id.as_str().into()),
        tags: tags.unwrap_or_default(),
        sample: narrowed.sample.and_then(|size| u32::try_from(size).ok()),
        trials: narrowed.trials,
        model: narrowed.model.as_ref().map(|model| model.as_str().into()),
        outputs: narrowed.outputs.is_some(),
        ..Selection::default()
    })
}

/// The plan of the whole run, held against what the shards ran.
fn replanned(workspace: &Workspace, heads: &[v1::Report], selection: &Selection) -> Result<Plan> {
    let mut whole = plan(&workspace.sources(), selection)?;
    let ran = |prompt: &str, suite: &str| {
        heads
            .iter()
            .flat_map(|head| &head.gates)
            .find(|gate| gate.prompt.name == prompt && gate.suite.name == suite)
    };
    whole.gates.retain(|gate| ran(gate.prompt.name.as_str(), gate.suite.name.as_str()).is_some());
    for gate in heads.iter().flat_map(|head| &head.gates) {
        let here = whole.gates.iter().find(|here| {
            here.prompt.name.as_str() == gate.prompt.name && here.suite.name.as_str() == gate.suite.name
        });
        let same = here.is_some_and(|here| {
            here.digests.prompt.to_string() == gate.prompt.digest
                && here.digests.suite.to_string() == gate.suite.digest
        });
        if !same {
            let message = format!(
                "a shard ran another `{}` on `{}` than stands here",
                gate.prompt.name, gate.suite.name
            );
            return Err(Error::input(message).hint("merge at the commit that the shards ran at"));
        }
    }
    Ok(whole)
}

/// Folds the records, decides, and keeps the whole as a run of its own.
fn decided(
    workspace: &Workspace,
    terminal: &Terminal,
    heads: &[v1::Report],
    plan: &Plan,
    spool: &mut Spool,
    placed: &[(usize, usize, usize)],
) -> Result<StoredRun> {
    let home = Home::at(&workspace.root);
    let id = run_id(clock::now(), random());
    let value = json!({"schema": "llmops/run/v1", "digest": plan.digest, "selection": plan.selection, "merged": heads.len()});
    let mut follower =
        Follower::new(plan, Some(RunWriter::create(&home, &id, &value)?), id.clone(), terminal);
    for (gate, case, index) in placed {
        let record = TrialRecord { gate: *gate, case: *case, ..spool.record(*index)? };
        follower.trial(&record)?;
    }
    follower.done();
    let judges = shown(workspace, plan)?;
    let decisions: Vec<_> = plan
        .gates
        .iter()
        .zip(&follower.gates)
        .zip(&judges)
        .map(|((gate, gathered), shown)| {
            // Shards carry no baseline: a gate that demands a comparison has no verdict here, rather than a green one.
            let margin = gate.suite.gate.max_regression;
            let latency = LatencyEvidence::Live;
            verdict(
                gate,
                &gathered.tally,
                &Evidence { shown: shown.as_ref(), comparison: None, margin, latency },
            )
        })
        .collect();
    let exit = worst(&decisions).map_or(Exit::NoVerdict, Verdict::exit);
    let whole = || plan.gates.iter().zip(&follower.gates).zip(&decisions);
    let views: Vec<_> =
        whole().map(|((gate, gathered), decision)| assemble::view(gate, &gathered.tally, decision)).collect();
    let stored = Stored {
        report: v1::Report {
            schema: v1::SCHEMA.to_owned(),
            verdict: worst(&decisions).map(v1::Verdict::from),
            exit_code: exit.code(),
            diagnostics: diagnostics(heads),
            run: Some(run(heads, plan, id.as_ref())),
            gates: whole()
                .map(|((gate, gathered), decision)| {
                    assemble::gate(gate, &gathered.tally, decision, &gathered.reported)
                })
                .collect(),
        },
        sentences: views.iter().map(|view| view.sentence.clone()).collect(),
        notes: views.iter().map(|view| view.notes.clone()).collect(),
        lines: views.iter().map(|view| view.line).collect(),
        case_floors: plan.gates.iter().map(|gate| gate.suite.gate.case_floor).collect(),
    };
    let value = serde_json::to_value(&stored)
        .map_err(|error| Error::storage("the report cannot be written", error))?;
    if let Some(writer) = follower.writer.take() {
        writer.finish(&value)?;
    }
    StoredRun::new(stored, RunReader::open(&home, id.as_str())?)
}

fn diagnostics(heads: &[v1::Report]) -> Vec<v1::Diagnostic> {
    let mut found: Vec<v1::Diagnostic> = Vec::new();
    for diagnostic in heads.iter().flat_map(|head| &head.diagnostics) {
        if !found.contains(diagnostic) {
            found.push(diagnostic.clone());
        }
    }
    found
}

/// The run that the shards are: from the first start, as long as the longest.
fn run(heads: &[v1::Report], plan: &Plan, id: &str) -> v1::Run {
    let runs = || heads.iter().filter_map(|head| head.run.as_ref());
    let outputs =
        runs().find_map(|run| run.selection.as_ref().and_then(|selection| selection.outputs.clone()));
    v1::Run {
        id: id.to_owned(),
        started_at: runs().map(|run| run.started_at.clone()).min().unwrap_or_default(),
        duration_ms: runs().filter_map(|run| run.duration_ms).max(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        selection: assemble::selection(&plan.selection, outputs),
        shard: None,
        plan_digest: plan.digest.to_string(),
        git: runs().next().and_then(|run| run.git.clone()),
    }
}
