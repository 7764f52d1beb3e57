//! `cost` asserts over models that have no price: they could never be decided, which is better known before a call.

use super::Prices;
use crate::domain::{Code, Diagnostic, ModelId, ProviderName};
use crate::manifest::Manifests;
use crate::manifest::assert::{Assert, Check, MeasuredAssert};
use crate::manifest::suite::Suite;

/// A `cost` assert over a model without a price.
pub const COST_WITHOUT_PRICE: Code = Code("cost-without-price");

/// One finding for every suite with a `cost` assert over a prompt whose model has no price.
pub fn cost_asserts(manifests: &Manifests, prices: &Prices) -> Vec<Diagnostic> {
    let suites = manifests.suites.values();
    let found = suites.filter_map(|suite| {
        let prompt = manifests.prompts.get(&suite.prompt)?;
        cost_assert(suite, &prompt.model, &prompt.provider, prices)
    });
    found.collect()
}

/// The first `cost` assert of a suite, where the model has no price.
pub fn cost_assert(
    suite: &Suite,
    model: &ModelId,
    provider: &ProviderName,
    prices: &Prices,
) -> Option<Diagnostic> {
    if prices.price(model, provider).is_some() {
        return None;
    }
    let is_cost = |assert: &&Assert| matches!(assert.check, Check::Measured(MeasuredAssert::Cost { .. }));
    let place = suite.asserts.iter().find(is_cost).map(|assert| assert.place.clone()).or_else(|| {
        suite.cases.iter().find_map(|row| row.asserts.iter().find(is_cost).map(|assert| assert.place.clone()))
    })?;
    let message = format!("`cost` cannot be decided: `{model}` on `{provider}` has no known price");
    let help = "name a table with its price under `prices:` in llmops.yaml, or remove the assert";
    Some(Diagnostic::error(COST_WITHOUT_PRICE, message).at(place).help(help))
}
