//! A key that is not set is found before anything is called, and only where a call is needed.

use super::priced::{embedders, has_price};
use crate::domain::{Case, Chunk, ProviderName, Request, Result};
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
        let searching = searching(shared, index, gate)?;
        let hand = AtHand { shared, index, gate, searches: searching.is_none() };
        if shared.outputs.is_none()
            && let Err(error) = providers.ready(&gate.provider.name)
            && !hand.all(None)?
        {
            return Err(error);
        }
        if let Some(provider) = searching {
            providers.ready(provider)?;
            if let Some(model) =
                gate.retrieval.as_ref().and_then(|retrieval| retrieval.embedding_model.as_ref())
            {
                has_price(shared, model, provider)?;
            }
        }
        if let Some(judge) = &gate.suite.judge
            && let Err(error) = providers.ready(&judge.provider)
            && !hand.all(Some(&judge.provider))?
        {
            return Err(error);
        }
        // What is embedded is the answer: an answer that is not there yet cannot be embedded without a call.
        for (_, provider) in embedders(gate) {
            if let Err(error) = providers.ready(&provider)
                && shared.outputs.is_none()
                && !hand.all(None)?
            {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// The provider that has to be called for what the cases of a gate are shown.
fn searching<'a>(shared: &'a Shared, index: usize, gate: &GatePlan) -> Result<Option<&'a ProviderName>> {
    let Some(retriever) = &shared.retrievers[index] else { return Ok(None) };
    let cases = gate.cases.iter().map(|&case| gate.suite.cases.get(case).case);
    let queries: Vec<String> = cases
        .filter(|case| case.context.is_none())
        .filter_map(|case| shared.renderer.query(&gate.prompt, &case.vars).ok())
        .collect();
    retriever.calls(queries.iter().map(String::as_str), &shared.desk)
}

/// What of a gate is at hand without a call.
pub(super) struct AtHand<'a> {
    shared: &'a Shared,
    index: usize,
    gate: &'a GatePlan,
    /// Whether its retriever needs no call.
    searches: bool,
}

impl<'a> AtHand<'a> {
    /// Looks at what the retriever of the gate needs.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn of(shared: &'a Shared, index: usize, gate: &'a GatePlan) -> Result<Self> {
        Ok(Self { shared, index, gate, searches: searching(shared, index, gate)?.is_none() })
    }

    /// Whether every reply of the gate is at hand: of the model under test, or of the judge.
    fn all(&self, judge: Option<&ProviderName>) -> Result<bool> {
        let (shared, gate) = (self.shared, self.gate);
        for &case in &gate.cases {
            let row = gate.suite.cases.get(case);
            let Some(context) = self.context(&row.case) else { return Ok(false) };
            for trial in 0..gate.trials {
                let request = Target::from(gate).request(&shared.renderer, &row.case.vars, &context, trial);
                let Ok(request) = request else { return Ok(false) };
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
                for request in judgements(shared, self.index, gate, &subject, trial) {
                    if !shared.desk.has(&request)? {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    /// What a case is shown; `None` where that takes a call.
    pub(super) fn context(&self, case: &Case) -> Option<Vec<Chunk>> {
        if let Some(context) = &case.context {
            return Some(context.clone());
        }
        let Some(retriever) = &self.shared.retrievers[self.index] else { return Some(Vec::new()) };
        if !self.searches {
            return None;
        }
        let query = self.shared.renderer.query(&self.gate.prompt, &case.vars).ok()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let found = retriever.retrieve(&query, &self.shared.desk, &self.gate.prompt.name);
        let found = runtime.block_on(found).ok()?;
        Some(found.hits.into_iter().map(|hit| hit.chunk).collect())
    }
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
