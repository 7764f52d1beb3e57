//! What was gathered becomes decisions, and those a report: of one run, and of the shards of one, in the same way.

use super::against::Against;
use super::follow::Gathered;
use crate::aggregate::Tally;
use crate::domain::{Exit, Verdict};
use crate::gate::{Calibration, Comparison, Decision, Terms, decide};
use crate::manifest::suite::GateTerms;
use crate::plan::{GatePlan, Plan};
use crate::report::stored::{Stored, StoredGate};
use crate::report::{assemble, v1};
use crate::study::calibration::shown::Shown;

/// Decides every gate, in plan order. `judges` is what the judge of each has shown against human labels.
pub fn decisions(
    plan: &Plan,
    gates: &mut [Gathered],
    judges: &[Option<Shown>],
    against: &Against,
) -> Vec<Decision> {
    let all = plan.gates.iter().zip(gates).zip(judges).enumerate();
    all.map(|(at, ((gate, gathered), shown))| {
        gathered.reported.calibration = shown.as_ref().and_then(calibration_ref);
        one(gate, &gathered.tally, shown.as_ref(), against.comparison(at), against.margin(gate))
    })
    .collect()
}

fn one(
    gate: &GatePlan,
    tally: &Tally,
    shown: Option<&Shown>,
    comparison: Option<&Comparison>,
    margin: Option<f64>,
) -> Decision {
    let demand = gate.suite.gate.require_calibration.as_ref();
    let calibration = demand.zip(shown).map(|(terms, shown)| Calibration { lacks: shown.lacks(terms) });
    let demanded = GateTerms { max_regression: margin, ..gate.suite.gate.clone() };
    let judge = gate.suite.judge.as_ref();
    let terms = Terms {
        required: gate.prompt.required,
        scale: judge.map(|judge| judge.scale),
        gate: &demanded,
        dimensions: judge.map_or(&[], |judge| &judge.dimensions),
        budget: &gate.prompt.budget,
        has_judge: judge.is_some(),
        comparison,
        calibration: calibration.as_ref(),
    };
    decide(&terms, tally)
}

/// The record of a judge as reports refer to it.
fn calibration_ref(shown: &Shown) -> Option<v1::CalibrationRef> {
    let (record, digest) = shown.current()?;
    Some(v1::CalibrationRef {
        path: shown.path.to_string(),
        digest: digest.to_string(),
        date: record.date.clone(),
        labels: u64::try_from(record.labels).unwrap_or(u64::MAX),
        kappa: record.pooled.kappa,
        bias: record.pooled.bias,
    })
}

/// The worst verdict.
fn worst(decisions: &[Decision]) -> Option<&Verdict> {
    decisions.iter().map(|decision| &decision.verdict).max_by_key(|verdict| verdict.rank())
}

/// How a complete run ends.
pub fn exit(decisions: &[Decision]) -> Exit {
    worst(decisions).map_or(Exit::NoVerdict, Verdict::exit)
}

/// What of a report is not decided here.
pub struct Head {
    /// How the run ends.
    pub exit: Exit,
    /// What was found.
    pub diagnostics: Vec<v1::Diagnostic>,
    /// The run.
    pub run: v1::Run,
    /// Whether trials are missing because the user said so.
    pub interrupted: bool,
}

/// The report, and what people read of each gate.
pub fn stored(
    plan: &Plan,
    gathered: &[Gathered],
    decisions: &[Decision],
    against: &Against,
    head: Head,
) -> Stored {
    let all = || plan.gates.iter().zip(gathered).zip(decisions).enumerate();
    let gates = all().map(|(at, ((gate, gathered), decision))| v1::Gate {
        baseline: against.baseline(at),
        ..assemble::gate(gate, &gathered.tally, decision, &gathered.reported)
    });
    let report = v1::Report {
        schema: v1::SCHEMA.to_owned(),
        verdict: worst(decisions).map(v1::Verdict::from),
        exit_code: head.exit.code(),
        diagnostics: head.diagnostics,
        run: Some(head.run),
        gates: gates.collect(),
    };
    let told = all().map(|(at, ((gate, gathered), decision))| {
        let view = assemble::view(gate, &gathered.tally, decision);
        let changed = against.changed(at);
        StoredGate {
            sentence: if head.interrupted { interrupted(gate, gathered) } else { view.sentence },
            notes: [view.notes, gathered.shown.notes(), against.notes(at)].concat(),
            line: changed.map(|(_, line)| *line).or(view.line),
            path: changed.map(|(path, _)| path.to_string()),
            case_floor: gate.suite.gate.case_floor,
        }
    });
    Stored { report, gates: told.collect() }
}

fn interrupted(gate: &GatePlan, gathered: &Gathered) -> String {
    let (done, all) = (gathered.tally.trials(), gate.planned());
    format!("interrupted: {done} of {all} trials are done; `llmops eval --resume` continues the run")
}
