//! Models and parameters of other tools.

use super::Losses;
use super::tree::Tree;
use crate::domain::model::{self, Pin};
use crate::domain::{ModelId, ProviderName};
use crate::manifest::pin::pin;
use crate::manifest::project::{Api, ProviderConfig};
use serde_json::{Map, Value, json};

/// A model here.
#[derive(Clone, PartialEq, Debug)]
pub struct Target {
    /// `model_target`.
    pub model: String,
    /// `provider`; `None` for built-in models.
    pub provider: Option<&'static str>,
    /// `parameters`.
    pub parameters: Map<String, Value>,
    /// `output`.
    pub output: Option<Value>,
}

/// The model that answers where there is none to take over.
const STAND_IN: &str = "builtin/extractive";

/// The model that `id` names: a snapshot, or a built-in stand-in where only a person can tell which.
pub fn target(id: &str, line: u32, stand_in: &str, losses: &Losses) -> Target {
    let mut parts = id.splitn(2, [':', '/']);
    let (vendor, rest) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let bare = rest.rsplit([':', '/']).next().unwrap_or(rest);
    let (provider, name) = match vendor {
        "openai" | "anthropic" => (vendor, bare),
        _ if id.starts_with("claude") => ("anthropic", id),
        _ if id.starts_with("gpt-")
            || id.starts_with("o1")
            || id.starts_with("o3")
            || id.starts_with("o4") =>
        {
            ("openai", id)
        }
        _ => ("", id),
    };
    let known: Option<(&'static str, Api)> = match provider {
        "openai" => Some(("openai", Api::OpenAi)),
        "anthropic" => Some(("anthropic", Api::Anthropic)),
        _ => None,
    };
    let none = |why: String| {
        losses.approximated(
            line,
            id,
            format!("{why}; `{stand_in}` stands in for it: write the pinned model in its place"),
        );
        Target { model: stand_in.to_owned(), provider: None, parameters: Map::new(), output: None }
    };
    let Some((provider, api)) = known else {
        return none("this provider has no counterpart without an entry in llmops.yaml (`api: openai` with a `base_url`, `exec` or `http`)".to_owned());
    };
    let fits = !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '{');
    if !fits {
        return none("it names no model".to_owned());
    }
    let asked = ModelId::from(name);
    let config = ProviderConfig::new(ProviderName::from(provider), api);
    let made = |model: &str| Target {
        model: model.to_owned(),
        provider: Some(provider),
        parameters: Map::new(),
        output: None,
    };
    if pin(&asked, &config) == Pin::Snapshot {
        return made(name);
    }
    match model::facts(&asked).and_then(|facts| facts.snapshot.as_ref()) {
        Some(snapshot) if pin(snapshot, &config) == Pin::Snapshot => {
            losses.approximated(line, id, format!("it names no fixed model; pinned to `{snapshot}`"));
            made(snapshot.as_str())
        }
        _ => none("it names no fixed model, and no snapshot of it is known".to_owned()),
    }
}

/// The stand-in for models under test.
pub fn tested(id: &str, line: u32, losses: &Losses) -> Target {
    target(id, line, STAND_IN, losses)
}

/// Reads parameters into `target`. What it cannot take is a loss.
pub fn parameters(config: Tree<'_>, target: &mut Target, losses: &Losses) {
    for (key, line, node) in config.entries() {
        let Some(name) = neutral(key) else {
            structure(key, line, node, target, losses);
            continue;
        };
        if target.provider.is_none() {
            losses.dropped(line, key, "the stand-in takes no parameters");
            continue;
        }
        if key == "maxTokens" {
            losses.approximated(
                line,
                key,
                "written as `max_tokens`; some tools read only one of the two spellings and ignore the other",
            );
        }
        let refused = match target.provider {
            Some("anthropic") => ["seed", "frequency_penalty", "presence_penalty"].contains(&name),
            _ => name == "top_k",
        };
        match (refused, value(name, node)) {
            (true, _) => losses.dropped(line, key, "the provider has no such parameter"),
            (_, None) => losses.dropped(line, key, "its value cannot be taken over"),
            (false, Some(value)) => {
                let high = value.as_f64().is_some_and(|number| number > 1.0);
                if name == "temperature" && high && target.provider == Some("anthropic") {
                    losses.approximated(line, key, "the provider takes at most 1");
                    target.parameters.insert(name.to_owned(), json!(1));
                } else {
                    target.parameters.insert(name.to_owned(), value);
                }
            }
        }
    }
}

fn neutral(key: &str) -> Option<&'static str> {
    Some(match key {
        "temperature" => "temperature",
        "top_p" | "topP" => "top_p",
        "top_k" | "topK" => "top_k",
        "max_tokens" | "maxTokens" | "max_completion_tokens" | "maxOutputTokens" | "max_output_tokens" => {
            "max_tokens"
        }
        "stop" | "stopSequences" | "stop_sequences" => "stop",
        "seed" => "seed",
        "frequency_penalty" | "frequencyPenalty" => "frequency_penalty",
        "presence_penalty" | "presencePenalty" => "presence_penalty",
        "reasoning_effort" | "reasoningEffort" => "reasoning_effort",
        _ => return None,
    })
}

fn value(name: &str, node: Tree<'_>) -> Option<Value> {
    let number = node.number();
    let within =
        |low: f64, high: f64| number.filter(|number| (low..=high).contains(number)).map(|_| node.value());
    match name {
        "temperature" => within(0.0, 2.0),
        "top_p" => within(0.0, 1.0),
        "frequency_penalty" | "presence_penalty" => within(-2.0, 2.0),
        "top_k" | "max_tokens" => {
            node.value().as_u64().filter(|count| (1..=u64::from(u32::MAX)).contains(count)).map(Value::from)
        }
        "seed" => node.value().as_i64().map(Value::from),
        "stop" => {
            let stops: Vec<String> = node
                .items()
                .into_iter()
                .filter_map(|item| item.value().as_str().map(str::to_owned))
                .collect();
            (!stops.is_empty() && stops.iter().all(|stop| !stop.is_empty())).then(|| json!(stops))
        }
        _ => node.text().filter(|word| ["low", "medium", "high"].contains(word)).map(Value::from),
    }
}

fn structure(key: &str, line: u32, node: Tree<'_>, target: &mut Target, losses: &Losses) {
    if !matches!(key, "response_format" | "responseFormat") {
        return losses.dropped(line, key, "a setting of the other tool's provider");
    }
    let kind = node.text().or_else(|| node.text_of("type")).unwrap_or("");
    let schema = node.get("json_schema").or_else(|| node.get("jsonSchema")).unwrap_or(node);
    let schema = schema.get("schema").map(Tree::value);
    target.output = output(kind, schema, line, target.provider, losses);
}

/// `output` for a response format.
pub fn output(
    kind: &str,
    schema: Option<Value>,
    line: u32,
    provider: Option<&str>,
    losses: &Losses,
) -> Option<Value> {
    match (kind, schema) {
        ("json_schema", Some(schema)) => {
            let object = schema.get("type").and_then(Value::as_str) == Some("object");
            let sound =
                crate::manifest::json_schemas::usable(&schema) && (object || provider != Some("anthropic"));
            if sound {
                return Some(json!({"format": "json", "schema": schema}));
            }
            losses.approximated(line, "schema", "the schema cannot be used here; only JSON is asked for");
            Some(json!({"format": "json"}))
        }
        ("json_object" | "json" | "json_schema", _) => Some(json!({"format": "json"})),
        ("text" | "", _) => None,
        _ => {
            losses.dropped(line, "response_format", "no such format here");
            None
        }
    }
}
