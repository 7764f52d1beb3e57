//! Providers of other tools as entries of `llmops.yaml`, where an entry says the same.

use super::losses::Losses;
use super::slug;
use super::tree::Tree;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A vendor that speaks Chat Completions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vendor {
    prefix: Vec<String>,
    base_url: String,
    #[serde(default)]
    key: Option<String>,
    #[serde(rename = "source")]
    _source: String,
    #[serde(rename = "date")]
    _date: String,
}

static VENDORS: LazyLock<Vec<Vendor>> =
    LazyLock::new(|| serde_yaml::from_str(include_str!("vendors.yaml")).unwrap_or_default());

/// A provider's name with its entry of `llmops.yaml`, and the model to ask of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Found {
    /// The name under `providers:`.
    pub name: String,
    /// Its keys.
    pub entry: Value,
    /// The model; `None` where the entry alone decides who answers.
    pub model: Option<String>,
}

/// What kind of call an id may name between vendor and model, where it is one of text.
const TEXT_CALLS: &[&str] = &["chat", "completion", "completions", "responses", "messages"];
/// Kinds of calls that are not of text, or that keep a state elsewhere.
const OTHER_CALLS: &[&str] = &[
    "embedding",
    "embeddings",
    "image",
    "video",
    "audio",
    "moderation",
    "realtime",
    "live",
    "transcription",
    "assistant",
    "agents",
    "codex-sdk",
    "codex-app-server",
    "chatkit",
    "speech",
    "voice",
    "tts",
];

/// The entry for `id`, with the settings in `config`; `None` where there is none that says the same.
pub fn find(id: &str, config: Option<Tree<'_>>, line: u32, losses: &Losses) -> Option<Found> {
    let (vendor, rest) = id.split_once(':')?;
    match vendor {
        "exec" => return program(rest.trim(), line, losses),
        "azure" | "azureopenai" => return azure(rest, config),
        _ => {}
    }
    let model = model_of(rest)?;
    let own = own_address(config);
    if vendor == "openai" {
        let base_url = own?;
        return Some(Found {
            name: host_of(&base_url),
            entry: openai(&base_url, key_of(config)),
            model: Some(model),
        });
    }
    let known = VENDORS.iter().find(|known| known.prefix.iter().any(|prefix| prefix == vendor))?;
    let key = key_of(config).or_else(|| known.key.clone());
    Some(match own {
        Some(base_url) => Found {
            name: format!("{}_{}", known.prefix.first()?, host_of(&base_url)),
            entry: openai(&base_url, key),
            model: Some(model),
        },
        None => Found {
            name: known.prefix.first()?.clone(),
            entry: openai(&known.base_url, key),
            model: Some(model),
        },
    })
}

fn openai(base_url: &str, key: Option<String>) -> Value {
    let mut entry = Map::new();
    entry.insert("api".into(), json!("openai"));
    entry.insert("base_url".into(), json!(base_url));
    if let Some(key) = key {
        entry.insert("api_key_env".into(), json!(key));
    }
    Value::Object(entry)
}

/// What stands behind the vendor, without the kind of call.
fn model_of(rest: &str) -> Option<String> {
    let (first, behind) = rest.split_once(':').unwrap_or((rest, ""));
    if OTHER_CALLS.contains(&first) {
        return None;
    }
    let model = if TEXT_CALLS.contains(&first) { behind } else { rest };
    let fits = !model.is_empty()
        && !model.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '{' | '}'));
    fits.then(|| model.to_owned())
}

/// Settings that an entry of `llmops.yaml` takes over.
pub const SETTINGS: &[&str] =
    &["apiBaseUrl", "base_url", "baseURL", "baseUrl", "apiHost", "apiKeyEnvar", "apiKeyEnvVar"];

/// Whether a configuration names an address at all.
pub fn has_address(config: Option<Tree<'_>>) -> bool {
    config.is_some_and(|config| SETTINGS[..5].iter().any(|key| config.get(key).is_some()))
}

/// The address that a configuration names, when it stands there whole.
fn own_address(config: Option<Tree<'_>>) -> Option<String> {
    let config = config?;
    let text = ["apiBaseUrl", "base_url", "baseURL", "baseUrl"]
        .iter()
        .find_map(|key| config.text_of(key))
        .map(str::to_owned)
        .or_else(|| config.text_of("apiHost").map(|host| format!("https://{host}/v1")))?;
    let sound = (text.starts_with("https://") || text.starts_with("http://"))
        && !text.contains(char::is_whitespace)
        && !text.contains(['{', '}', '$', '@']);
    sound.then(|| text.trim_end_matches('/').to_owned())
}

/// The variable that a configuration names for the key, never a key.
fn key_of(config: Option<Tree<'_>>) -> Option<String> {
    let name = config?.text_of("apiKeyEnvar").or_else(|| config?.text_of("apiKeyEnvVar"))?;
    let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    fits.then(|| name.to_owned())
}

fn host_of(base_url: &str) -> String {
    let host = base_url.split("://").nth(1).unwrap_or(base_url).split('/').next().unwrap_or("");
    slug(host)
}

/// A deployment at Azure, where the configuration names the resource.
fn azure(rest: &str, config: Option<Tree<'_>>) -> Option<Found> {
    let model = model_of(rest)?;
    let host = config?.text_of("apiHost").or_else(|| config?.text_of("apiBaseUrl"))?;
    let host = host.trim_start_matches("https://").split('/').next().unwrap_or("");
    let sound = host.contains('.')
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    sound.then(|| Found {
        name: format!("azure_{}", slug(host.split('.').next().unwrap_or(host))),
        entry: openai(
            &format!("https://{host}/openai/v1"),
            key_of(config).or_else(|| Some("AZURE_OPENAI_API_KEY".to_owned())),
        ),
        model: Some(model),
    })
}

/// A program. It gets its request in another way here, which is said.
fn program(command: &str, line: u32, losses: &Losses) -> Option<Found> {
    // Quotes and what only a shell understands are not taken apart here.
    let plain = !command.is_empty()
        && !command.contains(['"', '\'', '|', '&', ';', '<', '>', '$', '`', '\\', '*', '{']);
    if !plain {
        return None;
    }
    let words: Vec<&str> = command.split_whitespace().collect();
    losses.approximated(
        line,
        format!("exec: {command}"),
        "it became a provider with `api: exec`: here the program reads the request as JSON on standard input, not \
         the prompt as its first argument, and runs at the root; name under `inputs` the files that can change its \
         answers",
    );
    let name = words.iter().rev().find(|word| word.contains('.')).or(words.first())?;
    let stem = name.rsplit('/').next().unwrap_or(name);
    Some(Found {
        name: format!("program_{}", slug(stem.split('.').next().unwrap_or(stem))),
        entry: json!({"api": "exec", "command": words}),
        model: None,
    })
}

/// The project file with these entries, or the part of it to add to one that is there.
pub fn project(providers: &BTreeMap<String, Value>) -> Option<String> {
    if providers.is_empty() {
        return None;
    }
    let entries: Map<String, Value> =
        providers.iter().map(|(name, entry)| (name.clone(), entry.clone())).collect();
    serde_yaml::to_string(&json!({"providers": entries})).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::tree::parse;

    fn found(id: &str, config: &str) -> Option<(String, Value, Option<String>)> {
        let losses = Losses::new("a");
        let config = parse(config).ok();
        find(id, config, 1, &losses).map(|found| (found.name, found.entry, found.model))
    }

    #[test]
    fn every_vendor_has_an_address_that_a_project_file_takes() {
        assert!(VENDORS.len() >= 15);
        for vendor in VENDORS.iter() {
            assert!(vendor.base_url.starts_with("http") && !vendor.base_url.ends_with('/'), "{vendor:?}");
            assert!(vendor._source.starts_with("https://") && vendor._date.len() == 10, "{vendor:?}");
        }
    }

    #[test]
    fn an_id_names_a_vendor_a_kind_of_call_and_a_model() {
        let model = |id: &str| found(id, "").and_then(|(name, _, model)| Some(format!("{name} {}", model?)));
        assert_eq!(model("ollama:chat:llama3.1:8b").as_deref(), Some("ollama llama3.1:8b"));
        assert_eq!(
            model("openrouter:meta-llama/llama-3.1-8b:free").as_deref(),
            Some("openrouter meta-llama/llama-3.1-8b:free")
        );
        assert_eq!(model("togetherai:a/b").as_deref(), Some("together a/b"));
        for nothing in [
            "openai:gpt-4o",
            "ollama:embeddings:x",
            "google:image:imagen",
            "vertex:gemini",
            "file://a.py",
            "groq:",
        ] {
            assert_eq!(found(nothing, ""), None, "{nothing}");
        }
    }

    #[test]
    fn an_address_of_ones_own_and_the_name_of_a_key_are_taken_and_a_key_never() {
        let (name, entry, _) = found(
            "openai:chat:qwen",
            "{apiBaseUrl: 'http://localhost:1234/v1/', apiKey: sk-secret, apiKeyEnvar: MY_KEY}",
        )
        .expect("an entry");
        assert_eq!(name, "localhost_1234");
        assert_eq!(
            entry,
            json!({"api": "openai", "base_url": "http://localhost:1234/v1", "api_key_env": "MY_KEY"})
        );
        assert_eq!(found("openai:chat:qwen", "{apiBaseUrl: '{{ env.URL }}'}"), None);
        let (name, entry, _) =
            found("azure:chat:my-gpt", "{apiHost: my-team.openai.azure.com}").expect("an entry");
        assert_eq!(
            (name.as_str(), &entry["base_url"]),
            ("azure_my_team", &json!("https://my-team.openai.azure.com/openai/v1"))
        );
        assert_eq!(found("azure:chat:my-gpt", "{}"), None);
    }

    #[test]
    fn a_program_is_taken_apart_only_where_no_shell_is_needed() {
        let (name, entry, model) = found("exec: python3 src/app.py --fast", "").expect("an entry");
        assert_eq!((name.as_str(), model), ("program_app", None));
        assert_eq!(entry, json!({"api": "exec", "command": ["python3", "src/app.py", "--fast"]}));
        assert_eq!(found("exec: cat a | sh", ""), None);
    }
}
