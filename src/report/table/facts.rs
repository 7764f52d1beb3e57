//! The facts of a gate that are no scores: what was tested, what was counted, what it cost.

use super::Options;
use crate::domain::model::Pin;
use crate::report::numbers::{count, counted, delta, duration, percent, score, to_f64};
use crate::report::paint::Tone;
use crate::report::text::{one_line, short, wrap};
use crate::report::v1::{Gate, JudgeRef, Report};

/// Cases that got worse are named up to this many; reports name all.
const MOST_WORSE: usize = 8;

/// What was tested, with what, by what.
pub(super) fn identity(text: &mut String, gate: &Gate, options: Options) {
    let suite = format!("{} {}, {}", one_line(&gate.suite.name), one_line(&gate.suite.version), cases(gate));
    fact(text, "suite", &suite, options);
    fact(text, "model", &model(gate), options);
    match &gate.judge {
        Some(found) => fact(text, "judge", &judge(found), options),
        None => fact(text, "judge", "none: asserts alone decide", options),
    }
    if let Some(retrieval) = &gate.retrieval {
        let retrieval = format!("{} {}", one_line(&retrieval.name), one_line(&retrieval.version));
        fact(text, "retrieval", &retrieval, options);
    }
}

/// What was planned: "50 cases", "3 cases × 2 trials"; trials alone where a shard has a part of a case.
pub(crate) fn cases(gate: &Gate) -> String {
    let each = u64::from(gate.trials.max(1));
    match (each, gate.cases_planned % each) {
        (1, _) => counted(gate.cases_planned, "case"),
        (_, 0) => format!("{} × {each} trials", counted(gate.cases_planned / each, "case")),
        (..) => counted(gate.cases_planned, "trial"),
    }
}

/// The model, how it is pinned, and what the provider says it really was.
pub(crate) fn model(gate: &Gate) -> String {
    let pin = match gate.model.pin {
        Pin::Snapshot => "pinned snapshot",
        Pin::Alias => "an alias: not pinned",
        Pin::Unverifiable => "pin cannot be verified",
    };
    let mut line = format!("{} ({pin})", one_line(&gate.model.target));
    let others: Vec<String> = gate
        .model
        .reported
        .iter()
        .filter(|reported| **reported != gate.model.target)
        .map(|reported| one_line(reported))
        .collect();
    if !others.is_empty() {
        line.push_str(&format!(", but the provider reports {}", others.join(", ")));
    }
    line
}

/// The judge, and the record of what it has shown against human labels.
pub(crate) fn judge(judge: &JudgeRef) -> String {
    let model = one_line(&judge.model);
    let Some(shown) = &judge.calibration else { return model };
    let mut numbers = vec![counted(shown.labels, "label")];
    numbers.extend(shown.kappa.map(|kappa| format!("kappa {}", score(Some(kappa)))));
    numbers.extend(shown.bias.map(|bias| format!("bias {}", delta(Some(bias)))));
    format!("{model}, calibrated {} by {} ({})", shown.date, one_line(&shown.path), numbers.join(", "))
}

/// What was counted: asserts, grades, calls, money, time.
pub(super) fn counts(text: &mut String, gate: &Gate, options: Options) {
    if let Some(base) = &gate.baseline {
        let worse = counted(base.worse.len() as u64, "case");
        let line = format!("{worse} worse and {} better than the baseline", base.better.len());
        fact(text, "changed", &line, options);
        if !base.worse.is_empty() {
            let named: Vec<String> = base.worse.iter().take(MOST_WORSE).map(|id| short(id, 60)).collect();
            let rest = base.worse.len().saturating_sub(MOST_WORSE);
            let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            fact(text, "worse", &format!("{}{more}", named.join(", ")), options);
        }
    }
    for (label, line) in counted_facts(gate) {
        fact(text, label, &line, options);
    }
}

/// The counted facts as label and line, in a fixed order; those that say nothing are left out.
pub(crate) fn counted_facts(gate: &Gate) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let asserts = gate.asserts.passed + gate.asserts.failed;
    if asserts > 0 {
        let rate = percent(gate.asserts.rate);
        facts.push((
            "asserts",
            format!("{} of {} passed ({rate})", count(gate.asserts.passed), count(asserts)),
        ));
    }
    let unscored = match gate.cases_unscored {
        0 => "none".to_owned(),
        some => {
            let share = percent(Some(to_f64(some) / to_f64(gate.cases_planned.max(1))));
            let all = if gate.trials > 1 {
                counted(gate.cases_planned, "trial")
            } else {
                count(gate.cases_planned)
            };
            format!("{} of {all} ({share}): no grade, not a bad grade", count(some))
        }
    };
    facts.push(("unscored", unscored));
    let is_builtin = |provider: &str| provider == "builtin";
    // A report counts them together: nobody was called for what is built in.
    let answers = is_builtin(&gate.model.provider);
    let judges = gate.judge.as_ref().map(|judge| is_builtin(&judge.provider));
    let live = match (answers, judges) {
        (true, None | Some(true)) => "built in",
        (true, Some(false)) | (false, Some(true)) => "live or built in",
        (false, None | Some(false)) => "live",
    };
    let calls = [
        (gate.calls.live, live),
        (gate.calls.cached, "cached"),
        (gate.calls.recorded, "recorded"),
        (gate.calls.retries, "retried"),
    ];
    let calls: Vec<String> = calls
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{} {word}", count(*number)))
        .collect();
    if !calls.is_empty() {
        facts.push(("calls", calls.join(", ")));
    }
    facts.push(("cost", cost(gate)));
    let time = &gate.latency_ms;
    if time.p50.is_some() {
        let line = format!(
            "median {}, 95th percentile {}, longest {} per answer",
            duration(time.p50),
            duration(time.p95),
            duration(time.max)
        );
        facts.push(("time", line));
    }
    facts
}

fn cost(gate: &Gate) -> String {
    let mut line = match (gate.usage.cost_usd, gate.usage.spent_usd) {
        (Some(cost), Some(spent)) if cost == spent => format!("{} spent", spent.display()),
        (Some(cost), Some(spent)) => {
            format!("{} spent now, {} with every call live", spent.display(), cost.display())
        }
        (Some(cost), None) => format!("{} with every call live", cost.display()),
        (None, Some(spent)) => format!("{} spent", spent.display()),
        (None, None) => "not known".to_owned(),
    };
    let unreported = gate.usage.unreported_calls;
    let priceless = gate.usage.unpriced_calls.saturating_sub(unreported);
    let missing: Vec<String> = [
        (unreported, "for which the provider reported no usage"),
        (priceless, "to a model that has no price"),
    ]
    .iter()
    .filter(|(calls, _)| *calls > 0)
    .map(|(calls, why)| format!("{} {why}", counted(*calls, "call")))
    .collect();
    if !missing.is_empty() {
        line.push_str(&format!(", without {}", missing.join(" and ")));
    }
    line
}

fn fact(text: &mut String, label: &str, line: &str, options: Options) {
    const INDENT: usize = 13;
    for (index, line) in wrap(line, options.columns().saturating_sub(INDENT), 4).iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        text.push_str(&format!("  {}{line}\n", options.color.paint(Tone::Quiet, &format!("{label:<11}"))));
    }
}

/// " since 9f2c41d0b7" where a change was looked at: a green without its base says nothing. Empty without one.
pub(crate) fn since(report: &Report) -> String {
    let base = report.run.as_ref().and_then(|run| run.git.as_ref()).and_then(|git| git.base.as_ref());
    base.map_or(String::new(), |base| {
        format!(" since {}", short(&base.chars().take(12).collect::<String>(), 12))
    })
}

/// For a narrowed run or a shard: that it is no evidence.
pub(crate) fn narrowed(report: &Report) -> Option<String> {
    let run = report.run.as_ref()?;
    if let Some(shard) = &run.shard {
        return Some(format!("This is shard {shard}: `llmops merge` decides over all of them."));
    }
    let selection = run.selection.as_ref()?;
    let mut flags: Vec<String> = selection.cases.iter().map(|case| format!("--case {case}")).collect();
    flags.extend(selection.tags.iter().map(|tag| format!("--tag {tag}")));
    flags.extend(selection.sample.map(|sample| format!("--sample {sample}")));
    flags.extend(selection.trials.map(|trials| format!("--trials {trials}")));
    flags.extend(selection.model.iter().map(|model| format!("--model {model}")));
    flags.extend(selection.outputs.iter().map(|outputs| format!("--outputs {outputs}")));
    let flags = one_line(&flags.join(" "));
    Some(format!("This run was narrowed by {flags}: it is no evidence for `lock` or `promote`."))
}
