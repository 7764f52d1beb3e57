//! A key that is not set is found before anything is called, and only where a call is needed.

use crate::domain::{ProviderName, Request, Result};
use crate::grade::judge;
use crate::plan::GatePlan;
use crate::render::Subject;
use crate::run::Shared;
use crate::run::request::Target;

/// Holds that every provider which has to be called can be.
///
/// # Errors
/// The first that cannot, with what to type.
pub fn ready(shared: &Shared) -> Result<()> {
    for (index, gate) in shared.plan.gates.iter().enumerate() {
        let providers = &shared.desk.providers;
        if shared.outputs.is_none()
            && let Err(error) = providers.ready(&gate.provider.name)
            && !all_at_hand(shared, index, gate, None)?
        {
            return Err(error);
        }
        if let Some(retriever) = &shared.retrievers[index] {
            let unpinned = gate.cases.iter().map(|&case| gate.suite.cases.get(case).case);
            let queries: Vec<String> = unpinned
                .filter(|case| case.context.is_none())
                .filter_map(|case| shared.renderer.query(&gate.prompt, &case.vars).ok())
                .collect();
            if let Some(provider) = retriever.calls(queries.iter().map(String::as_str)) {
                providers.ready(provider)?;
            }
        }
        if let Some(judge) = &gate.suite.judge
            && let Err(error) = providers.ready(&judge.provider)
            && !all_at_hand(shared, index, gate, Some(&judge.provider))?
        {
            return Err(error);
        }
    }
    Ok(())
}

/// Whether every reply of a gate is at hand: of the model under test, or of the judge.
fn all_at_hand(shared: &Shared, index: usize, gate: &GatePlan, judge: Option<&ProviderName>) -> Result<bool> {
    for &case in &gate.cases {
        let row = gate.suite.cases.get(case);
        if row.case.context.is_none() && shared.retrievers[index].is_some() {
            // What would be retrieved is not known without asking, and so is the request.
            return Ok(false);
        }
        let context = row.case.context.clone().unwrap_or_default();
        for trial in 0..gate.trials {
            let Ok(request) = Target::from(gate).request(&shared.renderer, &row.case.vars, &context, trial)
            else {
                return Ok(false);
            };
            let Some((exchange, _)) = shared.desk.stored(&request.key())? else { return Ok(false) };
            if judge.is_none() {
                continue;
            }
            let subject = Subject {
                vars: &row.case.vars,
                context: exchange.reply.context.as_deref().unwrap_or(&context),
                expected: row.case.expected.as_ref(),
                output: &exchange.reply.text,
            };
            for request in judgements(shared, index, gate, &subject, trial) {
                if !shared.desk.has(&request)? {
                    return Ok(false);
                }
            }
        }
    }
    Ok(true)
}

fn judgements(
    shared: &Shared,
    index: usize,
    gate: &GatePlan,
    subject: &Subject<'_>,
    trial: u32,
) -> Vec<Request> {
    let (Some(judge), Some(provider)) = (&gate.suite.judge, &shared.judges[index]) else { return Vec::new() };
    let asked = judge::asked(judge, !subject.context.is_empty(), subject.expected.is_some());
    if asked.is_empty() {
        return Vec::new();
    }
    (0..judge.repeats)
        .filter_map(|repeat| {
            provider.request(judge, subject, &asked, trial * judge.repeats + repeat, &shared.judging).ok()
        })
        .collect()
}
