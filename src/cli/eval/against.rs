//! What a run is compared with: the same prompts as of another revision, or the pinned model beside a candidate.

use super::follow::Gathered;
use super::outcome::Finished;
use super::session::{Rival, Session};
use crate::aggregate::paired::{self, Pair};
use crate::aggregate::{Interval, Tally};
use crate::cli::args::EvalArgs;
use crate::cli::terminal::Terminal;
use crate::cli::workspace::Workspace;
use crate::domain::{Error, Kind, Result};
use crate::gate::Comparison;
use crate::manifest::project::Api;
use crate::plan::{GatePlan, Plan, Selection, gate, inputs_digest};
use crate::report::v1;
use crate::run::{Ending, Shared};
use std::collections::HashMap;
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
    let others: Vec<Option<Other>> =
        heads.iter().map(|head| other(then, head, &selection)).collect::<Result<_>>()?;
    let mut against = Against { candidate, ..Against::default() };
    let mut tallies: HashMap<usize, Tally> = HashMap::new();
    for offline in [false, true] {
        let runs = |other: &&Other| !other.same && other.offline == offline;
        let places: Vec<usize> =
            (0..heads.len()).filter(|&at| others[at].as_ref().as_ref().is_some_and(runs)).collect();
        if places.is_empty() {
            continue;
        }
        let gates: Vec<GatePlan> =
            places.iter().filter_map(|&at| Some(others[at].as_ref()?.gate.clone())).collect();
        let run = |gates: Vec<GatePlan>| {
            let rival = Rival { plan: Plan::new(gates, selection.clone()), then, offline };
            Session::beside(workspace, terminal, args, finished, rival)?.conduct(terminal)
        };
        let sides: Vec<(Vec<usize>, Result<Finished>)> = match run(gates.clone()) {
            // An old prompt may not fit today's cases; the others are not to suffer from it.
            Err(error) if does_not_fit(&error) => {
                places.into_iter().zip(gates).map(|(at, gate)| (vec![at], run(vec![gate]))).collect()
            }
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
            Some(other) if other.same => paired(head, tally, Some(tally), label, candidate),
            Some(_) => paired(head, tally, tallies.get(&at), label, candidate),
        });
    }
    Ok(against)
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

/// The head's gate with the prompt of `then`: today's suite, judge and cases. `None` where `then` has no such prompt.
fn other(then: &Workspace, head: &GatePlan, selection: &Selection) -> Result<Option<Other>> {
    let Some(prompt) = then.manifests.prompts.get(&head.prompt.name) else { return Ok(None) };
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

/// Pairs two tallies by case.
fn paired(head: &GatePlan, now: &Tally, then: Option<&Tally>, label: &str, candidate: bool) -> Compared {
    let before: HashMap<_, _> =
        then.iter().flat_map(|tally| tally.cases()).map(|case| (&case.id, case)).collect();
    let planned = u64::try_from(head.cases.len()).unwrap_or(u64::MAX);
    let whole = |case: &crate::aggregate::case::CaseTally| case.unscored == 0;
    let passed = |case: &crate::aggregate::case::CaseTally| whole(case).then_some(case.asserts.failed == 0);
    let pairs: Vec<Pair> = now
        .cases()
        .iter()
        .filter_map(|case| {
            let old = before.get(&case.id).filter(|old| whole(old) && whole(case))?;
            Some(Pair {
                id: case.id.clone(),
                weight: case.weight,
                base: old.mean()?,
                head: case.mean()?,
                base_passed: passed(old),
                head_passed: passed(case),
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
        };
        let note = format!(
            "only {n} of {planned} cases have a score on both sides: nothing was compared with {label}"
        );
        let comparison = Some(Comparison::Open { pairs: n, planned });
        return Compared { comparison, baseline: Some(baseline), notes: vec![note] };
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
    if !baseline.worse.is_empty() {
        notes.push(format!("worse than {label}: {}", baseline.worse.join(", ")));
    }
    let comparison = Comparison::Paired { delta: found.delta, interval, n, sign_p: found.sign_p };
    Compared { comparison: Some(comparison), baseline: Some(baseline), notes }
}
