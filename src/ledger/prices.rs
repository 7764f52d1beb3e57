//! What a reply costs: the table of known models, and the project's own prices over it.

use crate::domain::model::{self, Pin, Price};
use crate::domain::{Error, ModelId, ProviderName, RelPath, Result, Usage, Usd};
use crate::manifest::yaml;
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::HashMap;

const MILLION: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// One row of a project's `prices:` file. The keys are those of the table of known models; only `id` and
/// `price` are needed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: ModelId,
    /// Where absent, the row holds for every provider.
    #[serde(default)]
    provider: Option<ProviderName>,
    price: Price,
    #[serde(default, rename = "pin")]
    _pin: Option<Pin>,
    #[serde(default, rename = "snapshot")]
    _snapshot: Option<ModelId>,
    #[serde(default, rename = "context_window")]
    _context_window: Option<u64>,
    #[serde(default, rename = "max_output")]
    _max_output: Option<u64>,
    #[serde(default, rename = "deprecated")]
    _deprecated: Option<String>,
    #[serde(default, rename = "source")]
    _source: Option<String>,
    #[serde(default, rename = "date")]
    _date: Option<String>,
}

/// Prices by model and provider.
#[derive(Clone, Debug, Default)]
pub struct Prices {
    own: HashMap<(ModelId, Option<ProviderName>), Price>,
}

impl Prices {
    /// The table of known models, under the rows of the project's own file: its path and its text.
    ///
    /// # Errors
    /// When the file is not a list of rows, a price is negative, or a model has two rows for one provider.
    pub fn load(own: Option<(&RelPath, &str)>) -> Result<Self> {
        let Some((path, text)) = own else {
            return Ok(Self::default());
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        // Read with the limits of every other file first: the reader below takes minutes over nested brackets.
        if let Some(fault) = yaml::parse(text).err().and_then(|faults| faults.into_iter().next()) {
            let (line, column) = (fault.span.line, fault.span.column);
            return Err(Error::input(format!(
                "{path}:{line}:{column}: the prices cannot be read: {}",
                fault.message
            )));
        }
        let rows: Vec<Row> = serde_yaml::from_str(text).map_err(|error| {
            Error::input(format!("{path}: the prices cannot be read")).because(error).hint(
                "write a list of rows: - {id: my-model, provider: mine, price: {input: \"2.5\", output: \"10\"}}; \
                 US dollars per million tokens, in quotes",
            )
        })?;
        let mut prices = HashMap::new();
        for row in rows {
            if amounts(&row.price).any(|amount| amount.is_sign_negative() && !amount.is_zero()) {
                return Err(Error::input(format!("{path}: {} has a negative price", row.id)));
            }
            let id = row.id.clone();
            if prices.insert((row.id, row.provider), row.price).is_some() {
                return Err(Error::input(format!("{path}: {id} has two rows for the same provider"))
                    .hint("remove one of them"));
            }
        }
        Ok(Self { own: prices })
    }

    /// The price of a model at a provider; `None` where it is not known. The table of known models holds for
    /// the vendors themselves: what another provider asks for the same model is unknown.
    pub fn price(&self, model: &ModelId, provider: &ProviderName) -> Option<Price> {
        self.own
            .get(&(model.clone(), Some(provider.clone())))
            .or_else(|| self.own.get(&(model.clone(), None)))
            .copied()
            .or_else(|| model::facts(model).filter(|facts| facts.provider == *provider)?.price)
    }

    /// What a reply costs. `None` when the model has no price, or a count that has a price was not reported:
    /// unknown, and never nothing.
    pub fn cost(&self, model: &ModelId, provider: &ProviderName, usage: &Usage) -> Option<Usd> {
        cost_at(&self.price(model, provider)?, usage).map(Usd)
    }
}

/// Every amount of a price, those of long inputs too.
fn amounts(price: &Price) -> impl Iterator<Item = Decimal> {
    let long = price.for_input(u64::MAX);
    [*price, long].into_iter().flat_map(|price| {
        let cache = [price.cached_input, price.cache_write, price.cache_write_1h];
        [price.input, price.output].into_iter().chain(cache.into_iter().flatten())
    })
}

/// The sum over input, cache reads, cache writes of both durations, and output; the input counts include what
/// the cache held.
fn cost_at(price: &Price, usage: &Usage) -> Option<Decimal> {
    if amounts(price).all(|amount| amount.is_zero()) {
        return Some(Decimal::ZERO);
    }
    let input = usage.input?;
    let price = price.for_input(input);
    let output = match usage.output {
        Some(output) => output,
        None if price.output.is_zero() => 0,
        None => return None,
    };
    let cached = usage.cached.unwrap_or(0);
    let written = usage.cache_write.unwrap_or(0);
    let written_1h = usage.cache_write_1h.unwrap_or(0);
    let write = price.cache_write.unwrap_or(price.input);
    let parts = [
        (input.checked_sub(cached)?.checked_sub(written)?, price.input),
        (cached, price.cached_input.unwrap_or(price.input)),
        (written.checked_sub(written_1h)?, write),
        (written_1h, price.cache_write_1h.unwrap_or(write)),
        (output, price.output),
    ];
    let mut sum = Decimal::ZERO;
    for (tokens, rate) in parts {
        sum = sum.checked_add(Decimal::from(tokens).checked_mul(rate)?)?;
    }
    sum.checked_div(MILLION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn usd(text: &str) -> Option<Usd> {
        Some(text.parse().expect("a decimal"))
    }

    fn tokens(input: u64, output: u64) -> Usage {
        Usage { input: Some(input), output: Some(output), ..Usage::default() }
    }

    fn own(text: &str) -> Result<Prices> {
        Prices::load(Some((&RelPath::new("prices.yaml").expect("inside"), text)))
    }

    /// The vectors price flexible service too, which has rates of its own.
    const FLEX: &str = "
- {id: o3, provider: openai, price: {input: '1', output: '4', cached_input: '0.25'}, source: vendor}
";

    #[test]
    fn costs_agree_with_the_vectors() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../tests/vectors/cost.json")).expect("vectors");
        let cases = vectors["cases"].as_array().expect("cases");
        assert_eq!(cases.len(), 5);
        for case in cases {
            let prices = match case["service_tier"].as_str() {
                Some("flex") => own(FLEX).expect("prices"),
                _ => Prices::default(),
            };
            let count = |name: &str| case["normalised"][name].as_u64();
            let writes = [count("cache_write_5m"), count("cache_write_1h")];
            let usage = Usage {
                input: count("input_total"),
                output: count("output_total"),
                cached: count("cache_read"),
                cache_write: writes.iter().any(Option::is_some).then(|| writes.into_iter().flatten().sum()),
                cache_write_1h: writes[1],
                reasoning: count("reasoning"),
            };
            let (model, provider) = (case["model"].as_str(), case["provider"].as_str());
            let cost =
                prices.cost(&model.expect("a model").into(), &provider.expect("a provider").into(), &usage);
            assert_eq!(cost, usd(case["cost_usd"].as_str().expect("a cost")), "{}", case["name"]);
        }
        let unknown = vectors["unknown_model"]["model"].as_str().expect("a model");
        assert_eq!(Prices::default().cost(&unknown.into(), &"openai".into(), &tokens(1, 1)), None);
    }

    #[test]
    fn what_is_unknown_is_never_nothing() {
        let cost = |model: &str, provider: &str, usage: Usage| {
            Prices::default().cost(&model.into(), &provider.into(), &usage)
        };
        assert_eq!(cost("gpt-4o", "openai", Usage::default()), None);
        assert_eq!(cost("gpt-4o", "openai", Usage { output: None, ..tokens(5, 0) }), None);
        assert_eq!(cost("gpt-4o", "openai", Usage { input: None, ..tokens(0, 5) }), None);
        assert_eq!(cost("gpt-4o", "my-proxy", tokens(1, 1)), None, "another provider asks its own price");
        assert_eq!(cost("any", "app", tokens(1, 1)), None);
        assert_eq!(cost("gpt-4o", "openai", Usage { cached: Some(9), ..tokens(5, 1) }), None);
        assert_eq!(cost("gpt-4o", "openai", tokens(0, 0)), Some(Usd::ZERO));
        assert_eq!(cost("builtin/extractive", "builtin", Usage::default()), Some(Usd::ZERO));
    }

    #[test]
    fn a_long_input_is_priced_as_one() {
        let cost = |input| Prices::default().cost(&"gpt-5.4".into(), &"openai".into(), &tokens(input, 0));
        assert_eq!(cost(272_000), usd("0.68"));
        assert_eq!(cost(272_001), usd("1.360005"));
    }

    #[test]
    fn a_projects_prices_stand_over_the_table() {
        let prices = own("\u{feff}
- {id: gpt-4o, provider: my-proxy, price: {input: '1', output: '2'}}
- {id: local-llama, price: {input: '0.5', output: '0.5', cached_input: '0'}}
")
        .expect("prices");
        let cost = |model: &str, provider: &str| {
            prices.cost(&model.into(), &provider.into(), &tokens(1_000_000, 500_000))
        };
        assert_eq!(cost("gpt-4o", "my-proxy"), usd("2"));
        assert_eq!(cost("gpt-4o", "openai"), usd("7.5"));
        assert_eq!(cost("local-llama", "anything"), usd("0.75"));
    }

    #[test]
    fn prices_that_cannot_be_meant_are_errors() {
        for (text, why) in [
            ("- {id: a, price: {input: '-1', output: '1'}}", "negative"),
            (
                "- {id: a, price: {input: '1', output: '1'}}\n- {id: a, price: {input: '2', output: '1'}}",
                "two rows",
            ),
            ("- {id: a, price: {input: '1', output: '1', caches: '1'}}", "caches"),
            ("- {id: a, prices: {input: '1', output: '1'}}", "prices"),
            ("- {id: a, price: {input: 'free', output: '1'}}", "cannot be read"),
            ("a: {input: '1'}", "cannot be read"),
        ] {
            let error = own(text).expect_err(text);
            assert!(
                error.chain().contains(why) && error.chain().contains("prices.yaml"),
                "{}",
                error.chain()
            );
        }
    }
}
