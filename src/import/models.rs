//! Models and parameters of other tools.

use super::losses::Losses;
use super::tree::Tree;
use super::vendors;
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
    pub provider: Option<String>,
    /// The provider's entry in `llmops.yaml`, where it needs one.
    pub entry: Option<Value>,
    /// What it speaks.
    pub api: Api,
    /// `parameters`.
    pub parameters: Map<String, Value>,
    /// `output`.
    pub output: Option<Value>,
}

impl Target {
    fn new(model: &str, provider: Option<&str>, api: Api) -> Self {
        Self {
            model: model.to_owned(),
            provider: provider.map(str::to_owned),
            entry: None,
            api,
            parameters: Map::new(),
            output: None,
        }
    }

    /// Whether the table of known models has its price: without one no assert on cost can be decided.
    pub fn is_priced(&self) -> bool {
        let provider = self.provider.as_deref().unwrap_or("builtin");
        let facts = model::facts(&ModelId::from(self.model.as_str()));
        facts.is_some_and(|facts| facts.provider.as_str() == provider && facts.price.is_some())
    }
}

/// A model as another tool names it.
#[derive(Clone, Copy)]
pub struct Named<'a> {
    /// Vendor, kind of call and model.
    pub id: &'a str,
    /// The settings of its provider.
    pub config: Option<Tree<'a>>,
    /// Where it stands.
    pub line: u32,
}

impl<'a> Named<'a> {
    /// An id without settings.
    pub fn new(id: &'a str, line: u32) -> Self {
        Self { id, config: None, line }
    }
}

/// The model that answers where there is none to take over.
const STAND_IN: &str = "builtin/extractive";

/// The model that `named` says: a snapshot, a model of a provider that `llmops.yaml` can define, or a built-in
/// stand-in where only a person can tell which.
pub fn target(named: Named<'_>, stand_in: &str, losses: &Losses) -> Target {
    let Named { id, config, line } = named;
    let none = |why: &str| {
        losses.approximated(
            line,
            id,
            format!("{why}; `{stand_in}` stands in for it: write the pinned model in its place"),
        );
        Target::new(stand_in, None, Api::Builtin)
    };
    if let Some(found) = vendors::find(id, config, line, losses) {
        return match own(&found, line, losses) {
            Some(target) => target,
            None => none("it names no fixed model"),
        };
    }
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
    let api = match provider {
        "openai" => Api::OpenAi,
        "anthropic" => Api::Anthropic,
        _ if id.starts_with("http:") || id.starts_with("https:") || id == "http" || id == "https" => {
            return none(
                "a request of its own shape; a provider with `api: http` posts the request as JSON (docs: programs)",
            );
        }
        _ => {
            return none(
                "this provider has no counterpart here (`api: openai` with a `base_url`, `exec` or `http`)",
            );
        }
    };
    if vendors::has_address(config) {
        return none("its address is not written out, so that llmops.yaml cannot name it");
    }
    let fits = !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '{');
    if !fits {
        return none("it names no model");
    }
    let asked = ModelId::from(name);
    let config = ProviderConfig::new(ProviderName::from(provider), api);
    if pin(&asked, &config) == Pin::Snapshot {
        return Target::new(name, Some(provider), api);
    }
    match model::facts(&asked).and_then(|facts| facts.snapshot.as_ref()) {
        Some(snapshot) if pin(snapshot, &config) == Pin::Snapshot => {
            losses.approximated(line, id, format!("it names no fixed model; pinned to `{snapshot}`"));
            Target::new(snapshot.as_str(), Some(provider), api)
        }
        _ => none("it names no fixed model, and no snapshot of it is known"),
    }
}

/// The model of a provider that `llmops.yaml` defines; `None` for an alias.
fn own(found: &vendors::Found, line: u32, losses: &Losses) -> Option<Target> {
    let api = if found.entry["api"] == "exec" { Api::Exec } else { Api::OpenAi };
    let name = found.model.as_deref().unwrap_or(&found.name);
    let mut config = ProviderConfig::new(ProviderName::from(found.name.as_str()), api);
    config.base_url = found.entry["base_url"].as_str().map(str::to_owned);
    let pinned = pin(&ModelId::from(name), &config);
    if pinned == Pin::Alias {
        return None;
    }
    if pinned == Pin::Unverifiable && api == Api::OpenAi {
        let why =
            "nobody can tell which model stands behind this name: name a dated one where the vendor has it";
        losses.approximated(line, format!("{} {name}", found.name), why);
    }
    let mut target = Target::new(name, Some(&found.name), api);
    target.entry = Some(found.entry.clone());
    Some(target)
}

/// The stand-in for models under test.
pub fn tested(named: Named<'_>, losses: &Losses) -> Target {
    target(named, STAND_IN, losses)
}

/// Reads parameters into `target`. What it cannot take is a loss.
pub fn parameters(config: Tree<'_>, target: &mut Target, losses: &Losses) {
    for (key, line, node) in config.entries() {
        if target.entry.is_some() && vendors::SETTINGS.contains(&key) {
            continue;
        }
        let Some(name) = neutral(key) else {
            structure(key, line, node, target, losses);
            continue;
        };
        if target.api == Api::Builtin {
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
        let refused = match target.api {
            Api::Anthropic => ["seed", "frequency_penalty", "presence_penalty"].contains(&name),
            // Servers behind an address of one's own take it.
            Api::OpenAi => name == "top_k" && target.entry.is_none(),
            _ => false,
        };
        match (refused, value(name, node)) {
            (true, _) => losses.dropped(line, key, "the provider has no such parameter"),
            (_, None) => losses.dropped(line, key, "its value cannot be taken over"),
            (false, Some(value)) => {
                let high = value.as_f64().is_some_and(|number| number > 1.0);
                if name == "temperature" && high && target.api == Api::Anthropic {
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
        _ => {
            let words = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
            node.text().filter(|word| words.contains(word)).map(Value::from)
        }
    }
}

fn structure(key: &str, line: u32, node: Tree<'_>, target: &mut Target, losses: &Losses) {
    if !matches!(key, "response_format" | "responseFormat") {
        return losses.dropped(line, key, "a setting of the other tool's provider");
    }
    let kind = node.text().or_else(|| node.text_of("type")).unwrap_or("");
    let schema = node.get("json_schema").or_else(|| node.get("jsonSchema")).unwrap_or(node);
    let schema = schema.get("schema").map(Tree::value);
    target.output = output(kind, schema, line, target.api, losses);
}

/// `output` for a response format.
pub fn output(kind: &str, schema: Option<Value>, line: u32, api: Api, losses: &Losses) -> Option<Value> {
    match (kind, schema) {
        ("json_schema", Some(schema)) => {
            let object = schema.get("type").and_then(Value::as_str) == Some("object");
            let sound = crate::manifest::json_schemas::usable(&schema) && (object || api != Api::Anthropic);
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
