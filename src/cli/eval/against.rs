//! What a run is compared with: the same prompts as of another revision, or the pinned model beside a candidate.

use super::changed_line;
use super::follow::Gathered;
use super::merge::consistent;
use super::outcome::Finished;
use super::session::{Rival, Session};
use crate::aggregate::paired::{self, Pair};
use crate::aggregate::{Interval, Tally};
use crate::cli::args::EvalArgs;
use crate::cli::terminal::Terminal;
use crate::cli::workspace::Workspace;
use crate::compare::renamed;
use crate::domain::{Error, Kind, PromptName, RelPath, Result};
use crate::gate::Comparison;
use crate::ledger::BaseWriter;
use crate::manifest::project::Api;
use crate::plan::{GatePlan, Plan, Selection, gate, inputs_digest};
use crate::report::assemble::retrieval_metrics;
use crate::report::v1;
use crate::run::{Ending, Shared};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The comparisons of a run, one per gate in plan order; none where nothing was compared.
#[derive(Default)]
pub struct Against {
    /// The commit of the base, for the report.
    pub base: Option<String>,
    /// What the other sides shared, for their recordings.
    pub sides: Vec<Arc<Shared>>,
    /// Whether the user interrupted the other side.
    pub interrupted: bool,
    candidate: bool,
    gates: Vec<Compared>,
}

#[derive(Default)]
struct Compared {
    comparison: Option<Comparison>,
    baseline: Option<v1::Baseline>,
    notes: Vec<String>,
    changed: Option<(RelPath, u32)>,
}

impl Against {
    /// What the gate at `at` was compared with.
    pub fn comparison(&self, at: usize) -> Option<&Comparison> {
        self.gates.get(at)?.comparison.as_ref()
    }

    /// The same for reports.
    pub fn baseline(&self, at: usize) -> Option<v1::Baseline> {
        self.gates.get(at)?.baseline.clone()
    }

    /// What else to say of the comparison.
    pub fn notes(&self, at: usize) -> Vec<String> {
        self.gates.get(at).map(|gate| gate.notes.clone()).unwrap_or_default()
    }

    /// The manifest and the line of it where what the gate tests was changed, where one was.
    pub fn changed(&self, at: usize) -> Option<&(RelPath, u32)> {
        self.gates.get(at)?.changed.as_ref()
    }

    /// The drop that a gate allows: what its suite says. A candidate without such a limit may not be worse at all,
    /// as far as its interval tells.
    pub fn margin(&self, gate: &GatePlan) -> Option<f64> {
        gate.suite.gate.max_regression.or(self.candidate.then_some(0.0))
    }
}

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
    let candidate = args.model.is_some();
    let heads = &finished.shared.plan.gates;
    let selection = Selection { model: None, ..finished.shared.plan.selection.clone() };
    let renamed = renamed(&then.sources(), &workspace.sources());
    let others: Vec<Option<Other>> =
        heads.iter().map(|head| other(then, head, &selection, &renamed)).collect::<Result<_>>()?;
    BaseWriter::clear(&finished.home, &finished.follower.id)?;
    let mut against = Against { candidate, ..Against::default() };
    let mut tallies: HashMap<usize, Tally> = HashMap::new();
    for offline in [false, true] {
        if finished.stop.is_asked() {
            against.interrupted = true;
            break;
        }
        let runs = |other: &&Other| !other.same && other.offline == offline;
        let places: Vec<usize> =
            (0..heads.len()).filter(|&at| others[at].as_ref().as_ref().is_some_and(runs)).collect();
        if places.is_empty() {
            continue;
        }
        let gates: Vec<GatePlan> =
            places.iter().filter_map(|&at| Some(others[at].as_ref()?.gate.clone())).collect();
        let run = |places: &[usize], gates: Vec<GatePlan>| {
            let plan = Plan::new(gates, selection.clone());
            let rival = Rival { plan, then, offline, places: places.to_vec() };
            Session::beside(workspace, terminal, args, finished, rival)?.conduct()
        };
        let sides: Vec<(Vec<usize>, Result<Finished>)> = match run(&places, gates.clone()) {
            // An old prompt may not fit today's cases; the others are not to suffer from it.
            Err(error) if does_not_fit(&error) => places
                .into_iter()
                .zip(gates)
                .take_while(|_| !finished.stop.is_asked())
                .map(|(at, gate)| (vec![at], run(&[at], vec![gate])))
                .collect(),
            ran => vec![(places, ran)],
        };
        for (places, ran) in sides {
            let ran = match ran {
                Err(error) if does_not_fit(&error) => {
                    let why = error.diagnostics().first().map(|found| found.message.clone());
                    terminal.say(&format!(
                        "note: {label} does not fit today's cases: {}",
                        why.unwrap_or_default()
                    ));
                    continue;
                }
                ran => ran?,
            };
            against.interrupted |= ran.ending == Ending::Interrupted;
            if ran.ending == Ending::Complete {
                let found = ran.follower.gates.into_iter().map(|gathered: Gathered| gathered.tally);
                tallies.extend(places.into_iter().zip(found));
            }
            against.sides.push(ran.shared);
        }
    }
    for (at, (head, other)) in heads.iter().zip(&others).enumerate() {
        let tally = &finished.follower.gates[at].tally;
        against.gates.push(match other {
            // A prompt that is there and cannot be read is not new: nothing is known of it.
            None if then.snapshot.is_file(&head.prompt.path) => paired(head, tally, None, label, candidate),
            None => Compared { comparison: Some(Comparison::NewPrompt), ..Compared::default() },
            Some(other) if other.same => paired(head, tally, Some(&graded(tally)), label, candidate),
            Some(_) => {
                let before = tallies.get(&at).map(graded);
                paired(head, tally, before.as_deref(), label, candidate)
            }
        });
        let found = against.gates.last_mut().and_then(|found| found.baseline.as_mut());
        if let Some(baseline) = found {
            let before =
                other.as_ref().and_then(|other| if other.same { Some(tally) } else { tallies.get(&at) });
            baseline.retrieval_metrics = before.and_then(retrieval_metrics);
            if finished.shared.plan.selection.shard.is_none() {
                baseline.cases = None;
            }
        }
        if let Some(gate) = against.gates.last_mut() {
            if let Some(old) = renamed.get(&head.prompt.name) {
                gate.notes.push(format!("{label} calls this prompt `{old}`"));
            }
            let retrieval = head.retrieval.as_ref().map(|retrieval| &retrieval.path);
            gate.changed =
                [Some(&head.prompt.path), retrieval, Some(&head.suite.path)].into_iter().flatten().find_map(
                    |path| Some((path.clone(), changed_line::of(&then.snapshot, &workspace.snapshot, path)?)),
                );
        }
    }
    Ok(against)
}

impl Against {
    /// The comparisons of a run out of those of its shards: every case is paired anew, from what the shards say of the
    /// baseline.
    ///
    /// # Errors
    /// When the shards were not compared with the same.
    pub fn of_shards(plan: &Plan, heads: &[v1::Report], gates: &[Gathered]) -> Result<Self> {
        let runs = || heads.iter().filter_map(|head| head.run.as_ref());
        let base = runs().find_map(|run| run.git.as_ref().and_then(|git| git.base.clone()));
        let candidate = plan.selection.model.is_some();
        let mut against = Self { base, candidate, ..Self::default() };
        for (gate, gathered) in plan.gates.iter().zip(gates) {
            let parts: Vec<Option<&v1::Baseline>> = heads
                .iter()
                .flat_map(|head| &head.gates)
                .filter(|part| gate.prompt.name.as_str() == part.prompt.name)
                .filter(|part| gate.suite.name.as_str() == part.suite.name)
                .map(|part| part.baseline.as_ref())
                .collect();
            let first = parts.first().copied().flatten();
            let rev = first.map(|baseline| &baseline.rev);
            if parts.iter().any(|part| part.map(|baseline| &baseline.rev) != rev) {
                return Err(Error::input(format!(
                    "the shards compared `{}` with different baselines",
                    gate.prompt.name
                ))
                .hint("run every shard with the same --baseline"));
            }
            if let Some(why) = parts.iter().flatten().find_map(|part| consistent::baseline(gate, part)) {
                return Err(consistent::broken("the report of a shard", &why));
            }
            against.gates.push(match rev {
                Some(rev) => {
                    let retrieved = parts.iter().flatten().filter_map(|part| part.retrieval_metrics.as_ref());
                    let retrieved = v1::RetrievalMetrics::together(retrieved);
                    let cases: Option<Vec<_>> =
                        parts.into_iter().flatten().map(|baseline| baseline.cases.as_deref()).collect();
                    let cases = cases.map(|cases| cases.concat());
                    let mut found = paired(gate, &gathered.tally, cases.as_deref(), rev, candidate);
                    if let Some(baseline) = &mut found.baseline {
                        baseline.cases = None;
                        baseline.retrieval_metrics = retrieved;
                    }
                    found
                }
                None if against.base.is_some() => {
                    Compared { comparison: Some(Comparison::NewPrompt), ..Compared::default() }
                }
                None => Compared::default(),
            });
        }
        Ok(against)
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

/// The cases of a tally of which every trial has a grade.
fn graded(tally: &Tally) -> Vec<v1::BaselineCase> {
    let whole = tally.cases().iter().filter(|case| case.unscored == 0);
    whole
        .map(|case| v1::BaselineCase {
            id: case.id.to_string(),
            score: case.mean(),
            passed: case.asserts.failed == 0,
        })
        .collect()
}

/// Pairs a tally by case with what the other side had.
fn paired(
    head: &GatePlan,
    now: &Tally,
    then: Option<&[v1::BaselineCase]>,
    label: &str,
    candidate: bool,
) -> Compared {
    let before: HashMap<&str, &v1::BaselineCase> =
        then.unwrap_or_default().iter().map(|case| (case.id.as_str(), case)).collect();
    let planned = u64::try_from(head.cases.len()).unwrap_or(u64::MAX);
    let pairs: Vec<Pair> = now
        .cases()
        .iter()
        .filter(|case| case.unscored == 0)
        .filter_map(|case| {
            let old = before.get(case.id.as_str())?;
            Some(Pair {
                id: case.id.clone(),
                weight: case.weight,
                base: old.score?,
                head: case.mean()?,
                base_passed: Some(old.passed),
                head_passed: Some(case.asserts.failed == 0),
            })
        })
        .collect();
    let found = paired::compare(&pairs, head.suite.gate.confidence);
    let total: f64 = pairs.iter().map(|pair| pair.weight).sum();
    let n = u64::try_from(pairs.len()).unwrap_or(u64::MAX);
    let Some(found) = found.filter(|_| n == planned) else {
        let baseline = v1::Baseline {
            rev: label.to_owned(),
            mean: None,
            delta: None,
            ci_low: None,
            ci_high: None,
            p_value: None,
            worse: Vec::new(),
            better: Vec::new(),
            cases: then.map(<[_]>::to_vec),
            retrieval_metrics: None,
        };
        let note = format!(
            "only {n} of {planned} cases have a score on both sides: nothing was compared with {label}"
        );
        let comparison = Some(Comparison::Open { pairs: n, planned });
        return Compared { comparison, baseline: Some(baseline), notes: vec![note], changed: None };
    };
    let names = |ids: &[crate::domain::CaseId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let interval = found.interval.map(|(low, high)| Interval { low, high });
    let baseline = v1::Baseline {
        rev: label.to_owned(),
        mean: Some(pairs.iter().map(|pair| pair.weight * pair.base).sum::<f64>() / total),
        delta: Some(found.delta),
        ci_low: interval.map(|interval| interval.low),
        ci_high: interval.map(|interval| interval.high),
        p_value: found.p_value,
        worse: names(&found.worse),
        better: names(&found.better),
        cases: then.map(<[_]>::to_vec),
        retrieval_metrics: None,
    };
    let mut notes = Vec::new();
    if candidate {
        let margin = head.suite.gate.max_regression.unwrap_or(0.0);
        let word = match paired::regression(&found, margin) {
            paired::Regression::Breached => "worse than",
            paired::Regression::Holds { .. } => "stable or improved beside",
        };
        notes.push(format!("candidate {}: {word} {label} ({:+.2})", head.model, found.delta));
    }
    let comparison = Comparison::Paired { delta: found.delta, interval, n, sign_p: found.sign_p };
    Compared { comparison: Some(comparison), baseline: Some(baseline), notes, changed: None }
}
