//! What a run has to say beside its verdict: other models than were asked for, lines of the store that were skipped,
//! what pacing and retries did, and a clock that ran out.

use super::follow::Gathered;
use crate::call::breaker::Stopped;
use crate::call::budget::Refused;
use crate::call::desk::Misses;
use crate::cli::args::EvalArgs;
use crate::domain::{Code, Diagnostic, ModelId, Place, ProviderName};
use crate::manifest::suite::Judge;
use crate::plan::Plan;
use crate::report::remarks::{CONCURRENCY_ABOVE, PACED};
use crate::run::{Deadline, Shared};

/// A provider answered with another model than was asked for.
pub const MODEL_REPORTED: Code = Code("other-model-reported");
/// A line of the store or of a recording was skipped.
pub const STORE_SKIPPED: Code = Code("store-skipped");
/// Why calls were needed.
pub const NOT_STORED: Code = Code("not-stored");
/// A provider's calls were stopped.
pub const PROVIDER_STOPPED: Code = Code("provider-stopped");
/// The time of the run was over.
pub const TIME_LIMIT: Code = Code("time-limit");
/// The next call could have cost more than was left.
pub const COST_LIMIT: Code = Code("cost-limit");

/// Models that answered or judged and were not asked for.
pub fn other_models(plan: &Plan, gates: &[Gathered]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (gate, gathered) in plan.gates.iter().zip(gates) {
        let judge = gate.suite.judge.as_ref();
        let asked = [
            (Some(&gate.model), &gathered.reported.answers, Some(&gate.prompt.places.model_target)),
            (judge.map(|judge| &judge.model), &gathered.reported.judges, judge.map(|judge| &judge.place)),
        ];
        for (asked, reported, place) in asked {
            let Some(asked) = asked else { continue };
            let others: Vec<&str> =
                reported.iter().filter(|model| *model != asked).map(ModelId::as_str).collect();
            if !others.is_empty() {
                found.push(other_model(asked, &others, place));
            }
        }
    }
    found
}

fn other_model(asked: &ModelId, others: &[&str], place: Option<&Place>) -> Diagnostic {
    let message = format!("asked for `{asked}`, and the provider reported {}", others.join(", "));
    let mut finding =
        Diagnostic::warning(MODEL_REPORTED, message).help("pin the model that answers, or ask the provider");
    finding.place = place.cloned();
    finding
}

/// Everything else.
pub fn of_run(shared: &Shared, args: &EvalArgs) -> Vec<Diagnostic> {
    let mut found = skipped(shared);
    found.extend(paced(shared));
    found.extend(above(shared, args));
    found.extend(shared.deadline.as_ref().and_then(|deadline| out_of_time(deadline, args)));
    found.extend(shared.desk.budget.refused().map(|refused| out_of_money(&refused, args)));
    found
}

/// That a provider or one of its models was given up, at the line that names the model.
fn stopped(shared: &Shared, provider: &ProviderName, stopped: &Stopped) -> Diagnostic {
    let why = &stopped.cause;
    let Some(model) = &stopped.model else {
        let help = if stopped.for_good {
            "correct the key, or what it may do, and run again: what finished is stored"
        } else {
            "run again when it answers: what finished is stored"
        };
        let message = format!("no more calls were made to `{provider}`: {why}");
        return Diagnostic::warning(PROVIDER_STOPPED, message).help(help);
    };
    let help = if stopped.for_good {
        "correct the model's name, or have access to it given, and run again: what finished is stored"
    } else {
        "run again when it answers: what finished is stored"
    };
    let message = format!("no more calls were made to `{model}` on `{provider}`: {why}");
    let mut found = Diagnostic::warning(PROVIDER_STOPPED, message).help(help);
    found.place = shared.plan.gates.iter().find_map(|gate| {
        let judges = |judge: &&Judge| judge.model == *model && judge.provider == *provider;
        let judge = gate.suite.judge.as_ref().filter(judges);
        // A candidate of `--model` stands in no manifest.
        let answers = gate.model == *model && gate.provider.name == *provider && gate.prompt.model == *model;
        let own = answers.then_some(&gate.prompt.places.model_target);
        judge.map(|judge| &judge.place).or(own).cloned()
    });
    found
}

fn out_of_money(refused: &Refused, args: &EvalArgs) -> Diagnostic {
    let calls =
        if refused.calls == 1 { "1 call was".to_owned() } else { format!("{} calls were", refused.calls) };
    let Refused { most, spent, limit, .. } = refused;
    let message = format!(
        "{calls} not made (--max-cost {limit}): {spent} USD were spent, and the next call could have cost {most} USD"
    );
    let again = if args.no_cache { "without --no-cache and with" } else { "with" };
    Diagnostic::warning(COST_LIMIT, message).help(format!(
        "run again {again} a higher --max-cost: it continues from the replies that are stored; a lower `max_tokens` bounds what a call can cost"
    ))
}

fn out_of_time(deadline: &Deadline, args: &EvalArgs) -> Option<Diagnostic> {
    let cut = deadline.cut();
    let seconds = deadline.allowed().as_secs();
    let trials = if cut == 1 { "1 trial was".to_owned() } else { format!("{cut} trials were") };
    let message =
        format!("the time of the run was over after {seconds} s (--max-time): {trials} not finished");
    let again = if args.no_cache { "`llmops eval` without --no-cache" } else { "`llmops eval` again" };
    let help = format!("run {again}: it continues from the replies that are stored");
    (cut > 0).then(|| Diagnostic::warning(TIME_LIMIT, message).help(help))
}

fn skipped(shared: &Shared) -> Vec<Diagnostic> {
    let recordings = shared.desk.recordings.iter().flat_map(crate::ledger::Recordings::take_warnings);
    let lines = shared.desk.store.take_warnings().into_iter().chain(recordings);
    lines.map(|line| Diagnostic::warning(STORE_SKIPPED, line)).collect()
}

/// That `--concurrency` asks for more than a provider may be asked at once.
fn above(shared: &Shared, args: &EvalArgs) -> Vec<Diagnostic> {
    let asked = args.concurrency.unwrap_or(0);
    let below = shared.desk.providers.below(asked).into_iter();
    below
        .map(|(provider, own)| {
            let message = format!(
                "`{provider}` allows {own} at once (`concurrency` in llmops.yaml); --concurrency only lowers it"
            );
            Diagnostic::note(CONCURRENCY_ABOVE, message)
        })
        .collect()
}

/// Why calls were needed, and what holding back, retrying and the breaker did, by provider.
fn paced(shared: &Shared) -> Vec<Diagnostic> {
    let misses = shared.desk.misses.as_ref().map(Misses::counted).unwrap_or_default();
    let mut found: Vec<Diagnostic> = misses
        .into_iter()
        .map(|(why, count)| {
            Diagnostic::note(
                NOT_STORED,
                format!(
                    "{} needed: {why}",
                    if count == 1 { "1 call was".to_owned() } else { format!("{count} calls were") }
                ),
            )
        })
        .collect();
    for pacing in shared.desk.providers.pacing() {
        let retries = pacing.retries.iter().map(|(reason, (count, total))| {
            format!("{count} retried ({}, pauses of {:.1} s added up)", reason.as_str(), total.as_secs_f64())
        });
        let waits = pacing.waits.iter().map(|(reason, (count, total))| {
            format!("{count} waited ({}, {:.1} s added up)", reason.as_str(), total.as_secs_f64())
        });
        let words: Vec<String> = retries.chain(waits).collect();
        if !words.is_empty() {
            found.push(Diagnostic::note(
                PACED,
                format!("calls to `{}`: {}", pacing.provider, words.join(", ")),
            ));
        }
        found.extend(pacing.stopped.iter().map(|one| stopped(shared, &pacing.provider, one)));
    }
    found
}
