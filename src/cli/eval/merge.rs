//! `llmops merge`: the reports of all shards become one verdict.
//!
//! The reports carry the records of their trials, so that nothing is decided from summaries: the records are brought
//! into plan order and folded as those of one run are.

mod consistent;
mod same_run;
mod spool;
mod summed;

use super::against::Against;
use super::decided::{self, Head};
use super::empty;
use super::follow::{Follower, Gathered};
use super::foreign::foreign;
use super::publish::{publish, write_stored};
use super::session::{random, shown};
use super::shown::{AGE, MISSED, STALE, SUSPICIOUS};
use super::told;
use crate::cli::args::{Global, MergeArgs};
use crate::cli::clock;
use crate::cli::target::{self, Beside};
use crate::cli::terminal::Terminal;
use crate::cli::workspace::Workspace;
use crate::domain::{Diagnostic, Error, Exit, Result, TrialRecord};
use crate::ledger::{DEFAULT_KEPT_RUNS, Home, RunReader, RunWriter, prune_runs, run_id};
use crate::plan::sample::Shard;
use crate::plan::{GatePlan, Plan};
use crate::report::stored::StoredRun;
use crate::report::{assemble, v1};
use crate::run::Reporter;
use crate::study::calibration::shown::Shown;
use same_run::{one_run, replanned};
use serde_json::json;
use spool::Spool;
use summed::Summed;

/// Reads every report, checks that together they are one run, and decides.
///
/// # Errors
/// When a report cannot be read, a shard is missing, doubled or of another run, or a record is not of the plan.
pub fn merge(global: &Global, terminal: &Terminal, args: &MergeArgs) -> Result<Exit> {
    target::ready(&args.targets)?;
    let terminal = &terminal.beside(&args.targets);
    let workspace = Workspace::open(global.root.as_deref(), &clock::today())?;
    Beside::from(&workspace).spares_all(&args.targets)?;
    let warnings = workspace.valid()?;
    let mut spool = Spool::new()?;
    let (mut heads, mut paths) = (Vec::new(), Vec::new());
    for (index, path) in args.reports.iter().enumerate() {
        heads.push(spool.read(index, path)?);
        paths.push(path.display().to_string());
    }
    let (selection, shards) = one_run(&heads, &args.reports)?;
    at_this_commit(&workspace, &heads)?;
    if heads.iter().all(|head| head.verdict == Some(v1::Verdict::Unaffected)) {
        return unaffected(&workspace, &heads, terminal, args);
    }
    let plan = replanned(&workspace, &heads, &selection)?;
    let placed = spool.in_order(&plan, &heads, &shards)?;
    let whole = Whole { workspace: &workspace, heads, paths, shards, plan };
    let run = whole.decided(terminal, &mut spool, &placed)?;
    publish(&workspace, terminal, &run, &warnings)?;
    write_stored(&run, &args.targets, terminal)?;
    Ok(run.exit())
}

/// A report that lay there before, or came with a change, is of another commit than the one that it would decide over.
fn at_this_commit(workspace: &Workspace, heads: &[v1::Report]) -> Result<()> {
    let here = workspace.git.as_ref().map(|git| git.head()).transpose()?.flatten();
    let there = heads.first().and_then(|head| head.run.as_ref()?.git.as_ref()?.commit.clone());
    match (here, there) {
        (Some(here), Some(there)) if here.to_string() != there => {
            let there: String = there.chars().filter(char::is_ascii_hexdigit).take(12).collect();
            let message = format!(
                "the shards ran at another commit ({there}) than the one that stands here ({})",
                here.short()
            );
            Err(Error::input(message).hint("merge at the commit that the shards ran at"))
        }
        _ => Ok(()),
    }
}

/// A change that touches nothing touches nothing in any shard.
fn unaffected(
    workspace: &Workspace,
    heads: &[v1::Report],
    terminal: &Terminal,
    args: &MergeArgs,
) -> Result<Exit> {
    let Some(head) = heads.first() else { return Err(Error::input("no report was named")) };
    if heads.iter().any(|head| !head.gates.is_empty()) {
        return Err(consistent::broken("the report of a shard", "it says `unaffected`, and has gates"));
    }
    // No plan says what these shards saw; the commit does.
    let here = workspace.git.as_ref().map(|git| git.head()).transpose()?.flatten();
    let there = head.run.as_ref().and_then(|run| run.git.as_ref()).and_then(|git| git.commit.clone());
    if here.is_none() || here.map(|commit| commit.to_string()) != there {
        return Err(Error::input("nothing was affected at another commit than the one that stands here")
            .hint("merge at the commit that the shards ran at"));
    }
    let run = head.run.clone().map(|run| v1::Run { shard: None, ..run });
    empty::publish(&v1::Report { run, ..head.clone() }, terminal, &args.targets)
}

/// Holds that a prompt which no shard compared is new: a limit on drops must not go away with the baseline.
fn new_prompts(workspace: &Workspace, plan: &Plan, against: &Against) -> Result<()> {
    let Some(base) = &against.base else { return Ok(()) };
    let lacks = |at: usize| against.baseline(at).is_none();
    let limited = |gate: &GatePlan| gate.suite.gate.max_regression.is_some();
    let mut alone = plan.gates.iter().enumerate().filter(|(at, gate)| lacks(*at) && limited(gate)).peekable();
    if alone.peek().is_none() {
        return Ok(());
    }
    let before = workspace.at(base, &clock::today())?;
    match alone.find(|(_, gate)| before.manifests.prompts.contains_key(&gate.prompt.name)) {
        None => Ok(()),
        Some((_, gate)) => {
            let why = format!("it was not compared with the baseline, which has `{}`", gate.prompt.name);
            Err(consistent::broken("the report of a shard", &why))
        }
    }
}

/// The shards, and the plan of the run that they are.
struct Whole<'a> {
    workspace: &'a Workspace,
    heads: Vec<v1::Report>,
    paths: Vec<String>,
    shards: Vec<Shard>,
    plan: Plan,
}

impl Whole<'_> {
    /// Folds the records, decides, and keeps the whole as a run of its own. Nothing is kept of what does not hold
    /// together.
    fn decided(
        &self,
        terminal: &Terminal,
        spool: &mut Spool,
        placed: &[(usize, usize, usize)],
    ) -> Result<StoredRun> {
        let Self { workspace, heads, plan, .. } = self;
        let (home, id) = (Home::at(&workspace.root), run_id(clock::now(), random()));
        let judges = shown(workspace, plan)?;
        let mut follower = Follower::new(plan, None, id.clone(), terminal);
        self.fold(spool, placed, &judges, &mut follower)?;
        let mut against = Against::of_shards(plan, heads, &follower.gates)?;
        new_prompts(workspace, plan, &against)?;
        if let Some(base) = &against.base
            && let Ok(then) = workspace.at(base, "")
        {
            against.point(plan, &then.snapshot, &workspace.snapshot);
        }
        let decisions = decided::decisions(plan, &mut follower.gates, &judges, &against);
        let found = follower.gates.iter().flat_map(Gathered::retrieved);
        let found: Vec<Diagnostic> = found.chain(told::other_models(plan, &follower.gates)).collect();
        let head = Head {
            exit: decided::exit(&decisions),
            diagnostics: diagnostics(heads, &found),
            run: run(heads, plan, id.as_ref()),
            interrupted: false,
        };
        let stored = decided::stored(plan, &follower.gates, &decisions, &against, head);
        let value = serde_json::to_value(&stored)
            .map_err(|error| Error::storage("the report cannot be written", error))?;
        let about = json!({"schema": "llmops/run/v1", "digest": plan.digest, "selection": plan.selection, "merged": heads.len()});
        let mut writer = RunWriter::create(&home, &id, &about)?;
        for place in placed {
            writer.append(&placed_record(spool, place)?)?;
        }
        writer.finish(&value)?;
        prune_runs(&home, DEFAULT_KEPT_RUNS)?;
        StoredRun::new(stored, RunReader::open(&home, id.as_str())?)
    }

    /// Gives every record to `follower`, and holds that each report is what its records say.
    fn fold(
        &self,
        spool: &mut Spool,
        placed: &[(usize, usize, usize)],
        judges: &[Option<Shown>],
        follower: &mut Follower,
    ) -> Result<()> {
        let mut summed = Summed::new(&self.plan, &self.shards);
        for place in placed {
            let (gate, case, report) = (place.0, place.1, spool.report(place.2));
            let record = placed_record(spool, place)?;
            if let Some(why) = foreign(&self.plan.gates[gate], case, &record) {
                return Err(consistent::broken(&self.paths[report], &why));
            }
            follower.trial(&record)?;
            summed.add(report, record);
        }
        follower.done();
        summed.hold(&self.plan, &self.heads, judges, &self.paths)
    }
}

/// A record in its place of the whole plan.
fn placed_record(spool: &mut Spool, (gate, case, index): &(usize, usize, usize)) -> Result<TrialRecord> {
    Ok(TrialRecord { gate: *gate, case: *case, ..spool.record(*index)? })
}

/// What the shards found, each thing once. Which models answered and what was retrieved is told of all of them together,
/// and that a shard was empty is nothing that the whole has to say.
fn diagnostics(heads: &[v1::Report], models: &[Diagnostic]) -> Vec<v1::Diagnostic> {
    let mut found: Vec<v1::Diagnostic> = Vec::new();
    let own = [told::MODEL_REPORTED, empty::EMPTY_SHARD, AGE, MISSED, STALE, SUSPICIOUS];
    for diagnostic in heads.iter().flat_map(|head| &head.diagnostics) {
        if !found.contains(diagnostic) && !own.iter().any(|code| code.0 == diagnostic.code) {
            found.push(diagnostic.clone());
        }
    }
    found.extend(models.iter().map(v1::Diagnostic::from));
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
