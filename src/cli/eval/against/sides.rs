//! Running what a run is compared with.

use super::pairing::{graded, paired};
use super::{Against, Compared};
use crate::aggregate::Tally;
use crate::cli::args::EvalArgs;
use crate::cli::eval::outcome::Finished;
use crate::cli::eval::session::{Rival, Session};
use crate::cli::terminal::Terminal;
use crate::cli::workspace::Workspace;
use crate::compare::renamed;
use crate::domain::{Error, Kind, PromptName, Result, Usd};
use crate::gate::Comparison;
use crate::ledger::BaseWriter;
use crate::manifest::project::Api;
use crate::plan::{GatePlan, Plan, Selection, gate, inputs_digest};
use crate::report::assemble::retrieval_metrics;
use crate::run::{Ending, Shared};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Runs the other side and pairs it with the finished run. `then` is where its prompts come from, `label` what it is
/// called.
///
/// # Errors
/// As of a run.
pub fn compare(
    workspace: &Workspace,
    then: &Workspace,
    terminal: &Terminal,
    args: &EvalArgs,
    finished: &Finished,
    label: &str,
) -> Result<Against> {
    let heads = &finished.shared.plan.gates;
    let selection = Selection { model: None, ..finished.shared.plan.selection.clone() };
    let renamed = renamed(&then.sources(), &workspace.sources());
    let others: Vec<Option<Other>> =
        heads.iter().map(|head| other(then, head, &selection, &renamed)).collect::<Result<_>>()?;
    BaseWriter::clear(&finished.home, &finished.follower.id)?;
    let run = |places: &[usize], gates: Vec<GatePlan>, offline: bool| {
        let plan = Plan::new(gates, selection.clone());
        let rival = Rival { plan, then, offline, places: places.to_vec() };
        Session::beside(workspace, terminal, args, finished, rival)?.conduct()
    };
    let mut sides = Sides::default();
    for offline in [false, true] {
        sides.run(&others, offline, finished, &run, &|why| {
            terminal.say(&format!("note: {label} does not fit today's cases: {why}"));
        })?;
    }
    let candidate = args.model.is_some();
    let gates = heads.iter().zip(&others).enumerate().map(|(at, (head, other))| {
        let tally = &finished.follower.gates[at].tally;
        let before = match other {
            Some(other) if other.same => Some(tally),
            _ => sides.tallies.get(&at),
        };
        let mut compared = match other {
            // A prompt that is there and cannot be read is not new: nothing is known of it.
            None if !then.snapshot.is_file(&head.prompt.path) => {
                Compared { comparison: Some(Comparison::NewPrompt), ..Compared::default() }
            }
            _ => paired(head, tally, before.map(graded).as_deref(), label, candidate),
        };
        if let Some(baseline) = &mut compared.baseline {
            baseline.retrieval_metrics = before.and_then(retrieval_metrics);
            baseline.spent_usd = sides.spent.get(&at).copied().flatten();
            if finished.shared.plan.selection.shard.is_none() {
                baseline.cases = None;
            }
        }
        if let Some(old) = renamed.get(&head.prompt.name) {
            compared.notes.push(format!("{label} calls this prompt `{old}`"));
        }
        compared
    });
    let gates = gates.collect();
    let mut against =
        Against { base: None, sides: sides.shared, interrupted: sides.interrupted, candidate, gates };
    against.point(&finished.shared.plan, &then.snapshot, &workspace.snapshot);
    Ok(against)
}

/// What came of the other sides so far.
#[derive(Default)]
struct Sides {
    /// By the gate of the run that each stands for; only of those that ran to their end.
    tallies: HashMap<usize, Tally>,
    /// What each cost, where that is known.
    spent: HashMap<usize, Option<Usd>>,
    shared: Vec<Arc<Shared>>,
    interrupted: bool,
}

/// Runs these gates, in the places of the run's gates, offline or not.
type Run<'a> = dyn Fn(&[usize], Vec<GatePlan>, bool) -> Result<Finished> + 'a;

impl Sides {
    /// Runs those gates that can only be answered offline, or the others.
    fn run(
        &mut self,
        others: &[Option<Other>],
        offline: bool,
        finished: &Finished,
        run: &Run<'_>,
        unfit: &dyn Fn(&str),
    ) -> Result<()> {
        if finished.stop.is_asked() {
            self.interrupted = true;
            return Ok(());
        }
        let (places, gates): (Vec<usize>, Vec<GatePlan>) = others
            .iter()
            .enumerate()
            .filter_map(|(at, other)| Some((at, other.as_ref()?)))
            .filter(|(_, other)| !other.same && other.offline == offline)
            .map(|(at, other)| (at, other.gate.clone()))
            .unzip();
        if places.is_empty() {
            return Ok(());
        }
        match run(&places, gates.clone(), offline) {
            // An old prompt may not fit today's cases; the others are not to suffer from it.
            Err(error) if does_not_fit(&error) => {
                for (at, gate) in places.into_iter().zip(gates) {
                    if finished.stop.is_asked() {
                        self.interrupted = true;
                        break;
                    }
                    match run(&[at], vec![gate], offline) {
                        Err(error) if does_not_fit(&error) => {
                            unfit(error.diagnostics().first().map_or("", |found| &found.message));
                        }
                        ran => self.take(&[at], ran?),
                    }
                }
            }
            ran => self.take(&places, ran?),
        }
        Ok(())
    }

    fn take(&mut self, places: &[usize], ran: Finished) {
        let complete = ran.ending == Ending::Complete;
        self.interrupted |= !complete;
        for (&at, gathered) in places.iter().zip(ran.follower.gates) {
            self.spent.insert(at, gathered.tally.calls.spent());
            if complete {
                self.tallies.insert(at, gathered.tally);
            }
        }
        self.shared.push(ran.shared);
    }
}

/// Whether a run ended because a template does not fit a case.
fn does_not_fit(error: &Error) -> bool {
    error.kind() == Kind::Input && !error.diagnostics().is_empty()
}

/// A gate over the other side's prompt.
struct Other {
    gate: GatePlan,
    /// Whether its requests are those of the head, so that its answers are too.
    same: bool,
    /// Whether the program that answered is gone.
    offline: bool,
}

/// The head's gate with the prompt of `then`, under whatever name: today's suite, judge and cases. `None` where `then`
/// has no such prompt.
fn other(
    then: &Workspace,
    head: &GatePlan,
    selection: &Selection,
    renamed: &BTreeMap<PromptName, PromptName>,
) -> Result<Option<Other>> {
    let name = renamed.get(&head.prompt.name).unwrap_or(&head.prompt.name);
    let Some(prompt) = then.manifests.prompts.get(name) else { return Ok(None) };
    let mut found = gate(&then.sources(), prompt, &head.suite, selection)?;
    found.digests.suite = head.digests.suite;
    found.digests.judge = head.digests.judge;
    found.cases.clone_from(&head.cases);
    found.trials = head.trials;
    found.program = inputs_digest(&then.snapshot, &found.provider.inputs)?;
    let same = found.digests.prompt == head.digests.prompt
        && found.model == head.model
        && found.provider.name == head.provider.name;
    let local = matches!(found.provider.api, Api::Exec | Api::Http);
    let moved = found.provider.command != head.provider.command || found.program != head.program;
    Ok(Some(Other {
        offline: local && moved && found.provider.name == head.provider.name,
        gate: found,
        same,
    }))
}
