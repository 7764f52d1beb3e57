//! Reads `parameters`, and `budget` beside it.

use super::capabilities::{max_temperature, unsupported};
use super::decode::{BAD_VALUE, Fields, Sink};
use super::project::{Api, ProviderConfig};
use super::prompt::Budget;
use super::yaml::Node;
use crate::domain::parameters::ReasoningEffort;
use crate::domain::{Code, Diagnostic, Parameters, Usd};
use rust_decimal::Decimal;
use serde_json::Value;

/// A parameter that the provider has no field for.
pub const UNSUPPORTED_PARAMETER: Code = Code("unsupported-parameter");

const EFFORTS: &[(&str, ReasoningEffort)] = &[
    ("none", ReasoningEffort::None),
    ("minimal", ReasoningEffort::Minimal),
    ("low", ReasoningEffort::Low),
    ("medium", ReasoningEffort::Medium),
    ("high", ReasoningEffort::High),
    ("xhigh", ReasoningEffort::XHigh),
    ("max", ReasoningEffort::Max),
];

/// Reads the parameters that `provider` takes; without one, those that any takes.
pub fn read(sink: &Sink, node: &Node, provider: Option<&ProviderConfig>) -> Parameters {
    let Some(fields) = sink.fields(node, "`parameters`") else { return Parameters::default() };
    let highest = provider.map_or(2.0, |provider| max_temperature(provider.api));
    let within = |key: &'static str, low: f64, high: f64| {
        fields.get(key).and_then(|node| sink.number_in(node, key, low..=high))
    };
    let count = |key: &'static str| fields.get(key).and_then(|node| sink.integer(node, key, 1));
    let parameters = Parameters {
        temperature: within("temperature", 0.0, highest),
        top_p: within("top_p", 0.0, 1.0),
        top_k: count("top_k"),
        max_tokens: count("max_tokens"),
        stop: fields.get("stop").map(|node| sink.texts(node, "`stop`", true)).unwrap_or_default(),
        seed: fields.get("seed").and_then(|node| match node.value() {
            Value::Number(number) if number.is_i64() => number.as_i64(),
            _ => {
                sink.wrong_type(node, "`seed`", "a whole number");
                None
            }
        }),
        frequency_penalty: within("frequency_penalty", -2.0, 2.0),
        presence_penalty: within("presence_penalty", -2.0, 2.0),
        reasoning_effort: fields
            .get("reasoning_effort")
            .and_then(|node| sink.one_of(node, "`reasoning_effort`", EFFORTS)),
    };
    if parameters.stop.iter().any(String::is_empty) {
        sink.error(BAD_VALUE, fields.key_span("stop"), "an empty text in `stop`", "remove it");
    }
    if let Some(provider) = provider {
        report_unsupported(&fields, provider, &parameters);
    }
    fields.finish(false);
    parameters
}

fn report_unsupported(fields: &Fields<'_>, provider: &ProviderConfig, parameters: &Parameters) {
    // Servers behind an address of one's own take `top_k` although OpenAI does not.
    let own_server = provider.api == Api::OpenAi && provider.base_url.is_some();
    let refused = unsupported(provider.api, parameters);
    for name in refused.into_iter().filter(|name| !(own_server && *name == "top_k")) {
        let message = format!("`{}` cannot take `{name}`", provider.name);
        let found = if provider.api == Api::Builtin {
            Diagnostic::warning(UNSUPPORTED_PARAMETER, message)
                .help("it has no effect: the built-in models are deterministic")
        } else {
            Diagnostic::error(UNSUPPORTED_PARAMETER, message).help("remove it, or use a model that takes it")
        };
        fields.sink().push(found.at(fields.sink().place(fields.key_span(name))));
    }
}

/// Reads `budget`.
pub fn budget(sink: &Sink, node: &Node) -> Budget {
    let Some(fields) = sink.fields(node, "`budget`") else { return Budget::default() };
    let count =
        |key: &'static str| fields.get(key).and_then(|node| sink.integer(node, key, 1)).map(u64::from);
    let budget = Budget {
        max_cost_usd_per_case: fields
            .get("max_cost_usd_per_case")
            .and_then(|node| money(sink, node, "`max_cost_usd_per_case`")),
        p95_latency_ms: count("p95_latency_ms"),
        max_input_tokens: count("max_input_tokens"),
    };
    fields.finish(false);
    budget
}

/// Reads an amount above 0 in USD, exactly as written.
pub fn money(sink: &Sink, node: &Node, what: &str) -> Option<Usd> {
    let amount = node.as_written().and_then(|text| text.parse::<Usd>().ok());
    match amount {
        Some(amount) if amount.0 > Decimal::ZERO => Some(amount),
        Some(_) => {
            sink.error(
                BAD_VALUE,
                node.span,
                format!("{what} has to be above 0"),
                "write an amount such as 0.01",
            );
            None
        }
        None => {
            sink.wrong_type(node, what, "an amount in USD");
            None
        }
    }
}
