//! What has to have a price before anything is called: every model under a cost limit, and what asserts measure.

use crate::cli::args::EvalArgs;
use crate::domain::{Error, ModelId, ProviderName, Result};
use crate::ledger::cost_assert;
use crate::manifest::assert::{Assert, Check, Metric};
use crate::plan::GatePlan;
use crate::retrieve::hashing;
use crate::run::Shared;
use std::collections::BTreeSet;

/// A cost limit over a model without a price could not be kept; asserts about what an answer took cannot be decided
/// where that is not known.
///
/// # Errors
/// For either, before anything is called.
pub fn priced(shared: &Shared, args: &EvalArgs) -> Result<()> {
    for gate in &shared.plan.gates {
        let mut asserts = gate.suite.asserts.iter();
        let measured = asserts.find(|assert| matches!(assert.check, Check::Measured(_)));
        if let (Some(assert), Some(_)) = (measured, &shared.outputs) {
            return Err(Error::input(format!(
                "`{}` cannot be decided over --outputs: what an answer took is not in the file",
                assert.written
            ))
            .hint("remove the assert, or leave --outputs out"));
        }
        let prices = &shared.desk.prices;
        if let Some(found) = cost_assert(&gate.suite, &gate.model, &gate.provider.name, prices) {
            return Err(Error::invalid(vec![found]));
        }
    }
    if args.max_cost.is_none() {
        return Ok(());
    }
    let mut models: BTreeSet<(ModelId, ProviderName)> = BTreeSet::new();
    for gate in &shared.plan.gates {
        if shared.outputs.is_none() {
            models.insert((gate.model.clone(), gate.provider.name.clone()));
        }
        models.extend(gate.suite.judge.as_ref().map(|judge| (judge.model.clone(), judge.provider.clone())));
        models.extend(embedders(gate));
    }
    models.iter().try_for_each(|(model, provider)| has_price(shared, model, provider))
}

/// Holds that a model has a price, where there is a cost limit.
///
/// # Errors
/// When it has none.
pub fn has_price(shared: &Shared, model: &ModelId, provider: &ProviderName) -> Result<()> {
    if !shared.desk.budget.is_limited() || shared.desk.prices.price(model, provider).is_some() {
        return Ok(());
    }
    Err(Error::input(format!("--max-cost cannot be kept: `{model}` on `{provider}` has no known price"))
        .hint("name a table with its price under `prices:` in llmops.yaml"))
}

/// The embedding models that `similar` calls, of the suite and of the planned cases.
pub fn embedders(gate: &GatePlan) -> BTreeSet<(ModelId, ProviderName)> {
    let of = |assert: &Assert| match &assert.check {
        Check::Graded { metric: Metric::Similar { model, provider }, .. }
            if model.as_str() != hashing::MODEL =>
        {
            Some((model.clone(), provider.clone()))
        }
        _ => None,
    };
    let mut found: BTreeSet<_> = gate.suite.asserts.iter().filter_map(of).collect();
    let cases = if gate.suite.cases.may_hold("similar") { gate.cases.as_slice() } else { &[] };
    for &case in cases {
        found.extend(gate.suite.cases.get(case).asserts.iter().filter_map(of));
    }
    found
}
