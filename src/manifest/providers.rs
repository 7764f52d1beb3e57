//! Which provider a model is reached through.

use super::decode::{Sink, closest};
use super::project::{Api, Project, ProviderConfig};
use crate::domain::model;
use crate::domain::{Code, ModelId, ProviderName, Span};
use std::collections::BTreeSet;

/// A provider that the project does not define, or none that could be told from the model.
pub const UNKNOWN_PROVIDER: Code = Code("unknown-provider");
/// A built-in model that does not exist.
pub const UNKNOWN_BUILTIN: Code = Code("unknown-builtin");

/// The built-in models by what they are for.
const BUILTIN: &[(Purpose, &str)] = &[
    (Purpose::Prompt, "builtin/extractive"),
    (Purpose::Judge, "builtin/lexical"),
    (Purpose::Embedding, "builtin/hashing-256"),
];

/// What a model is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// To answer.
    Prompt,
    /// To judge.
    Judge,
    /// To embed.
    Embedding,
}

/// The providers of a project, and how far they can be trusted to be complete.
#[derive(Debug)]
pub struct Providers<'a> {
    /// The project as far as it could be read.
    pub project: &'a Project,
    /// Providers that the project file names and that have errors.
    pub broken: &'a BTreeSet<ProviderName>,
    /// Whether the file could not be read at all, so that any name may be one of its.
    pub unreadable: bool,
}

impl<'a> Providers<'a> {
    /// The provider of `model`: the one that is named, else the one of the model table, else the one that the
    /// shape of the id tells. `None` after an error was recorded, or where the project file's own errors
    /// explain it.
    pub fn choose(
        &self,
        sink: &Sink,
        (model, at): (&ModelId, Span),
        named: Option<(&ProviderName, Span)>,
        purpose: Purpose,
    ) -> Option<&'a ProviderConfig> {
        if let Some((name, span)) = named {
            let config = self.named(sink, name, span)?;
            if config.path.is_some() {
                let embeds = purpose == Purpose::Embedding && !model.as_str().starts_with("builtin/");
                if !embeds {
                    sink.error(
                        UNKNOWN_PROVIDER,
                        span,
                        format!("`{name}` is an embedding model in a folder, and `{model}` is none"),
                        "name another provider; retrieval manifests name it beside `embedding_model`",
                    );
                }
                return embeds.then_some(config);
            }
            let is_builtin = config.api == Api::Builtin;
            if is_builtin != model.as_str().starts_with("builtin/") {
                sink.error(
                    UNKNOWN_PROVIDER,
                    span,
                    format!("`{model}` is not a model of `{name}`"),
                    "remove `provider`, or name another model",
                );
                return None;
            }
            return (!is_builtin || known_builtin(sink, model, at, purpose)).then_some(config);
        }
        if model.as_str().starts_with("builtin/") {
            return if known_builtin(sink, model, at, purpose) { self.get("builtin") } else { None };
        }
        let vendor = of_model(model);
        if let Some(config) = vendor.as_ref().and_then(|vendor| self.get(vendor.as_str())) {
            return Some(config);
        }
        if !self.unreadable && !vendor.is_some_and(|vendor| self.broken.contains(&vendor)) {
            sink.error(
                UNKNOWN_PROVIDER,
                at,
                format!("cannot tell the provider of `{model}`"),
                "add `provider: NAME`, and define NAME under `providers:` in llmops.yaml",
            );
        }
        None
    }

    /// The provider of that name; its absence is an error at `span`.
    pub fn named(&self, sink: &Sink, name: &ProviderName, span: Span) -> Option<&'a ProviderConfig> {
        let config = self.get(name.as_str());
        if config.is_none() && !self.unreadable && !self.broken.contains(name) {
            let known = self.project.providers.keys().map(ProviderName::as_str);
            let help = match closest(name.as_str(), known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("define `{name}` under `providers:` in llmops.yaml"),
            };
            sink.error(UNKNOWN_PROVIDER, span, format!("there is no provider `{name}`"), help);
        }
        config
    }

    fn get(&self, name: &str) -> Option<&'a ProviderConfig> {
        if self.broken.contains(name) {
            return None;
        }
        self.project.providers.get(name)
    }
}

fn known_builtin(sink: &Sink, model: &ModelId, at: Span, purpose: Purpose) -> bool {
    if BUILTIN.contains(&(purpose, model.as_str())) {
        return true;
    }
    let fitting = BUILTIN.iter().filter(|(have, _)| *have == purpose).map(|(_, name)| *name);
    let (message, help) = if BUILTIN.iter().any(|(_, name)| *name == model.as_str()) {
        let noun = match purpose {
            Purpose::Prompt => "answers prompts",
            Purpose::Judge => "judges",
            Purpose::Embedding => "embeds",
        };
        (format!("`{model}` is not a built-in model that {noun}"), None)
    } else {
        (format!("there is no built-in model `{model}`"), closest(model.as_str(), fitting.clone()))
    };
    let help = match help {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("use {}", fitting.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")),
    };
    sink.error(UNKNOWN_BUILTIN, at, message, help);
    false
}

/// The provider that a model's id tells: by the table of models, or by its shape.
pub fn of_model(model: &ModelId) -> Option<ProviderName> {
    if model.as_str().starts_with("builtin/") {
        return Some("builtin".into());
    }
    model::facts(model).map(|facts| facts.provider.clone()).or_else(|| vendor_of(model).map(Into::into))
}

/// Whether this is a built-in model that answers prompts.
pub fn answers(model: &ModelId) -> bool {
    BUILTIN.contains(&(Purpose::Prompt, model.as_str()))
}

/// The vendor that the shape of an id tells.
fn vendor_of(model: &ModelId) -> Option<&'static str> {
    let id = model.as_str();
    let reasoning = id.strip_prefix('o').is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_digit()) && rest[1..].chars().next().is_none_or(|c| c == '-')
    });
    if id.starts_with("claude") {
        Some("anthropic")
    } else if reasoning || ["gpt-", "chatgpt-", "text-embedding-"].iter().any(|prefix| id.starts_with(prefix))
    {
        Some("openai")
    } else {
        None
    }
}

/// The family of a model: models of one family tend to favour each other's answers. Where the table of families does
/// not know a name, the word it begins with stands for one. `None` for built-in models and where the id tells nothing.
pub fn family(model: &ModelId) -> Option<String> {
    let id = model.as_str();
    if id.starts_with("builtin/") {
        return None;
    }
    if let Some(family) = crate::domain::family::family(id) {
        return Some(family.to_owned());
    }
    let bare = id.rsplit('/').next().unwrap_or(id);
    let word: String = bare.chars().take_while(|c| c.is_ascii_alphabetic()).collect();
    (word.len() > 2).then(|| word.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_told_from_the_table_and_from_the_shape() {
        let family = |id: &str| family(&id.into());
        assert_eq!(family("claude-sonnet-4-20250514"), family("claude-opus-4-7-20260416"));
        assert_eq!(family("gpt-4o-2024-08-06"), family("o3-2025-04-16"));
        assert_eq!(family("meta/llama-3-70b"), family("llama3.1:8b"));
        assert_ne!(family("claude-sonnet-4-20250514"), family("gpt-4o-2024-08-06"));
        assert_eq!(family("builtin/extractive"), None);
        assert_eq!(vendor_of(&"o365-helper".into()), None);
        assert_eq!(vendor_of(&"olmo-2".into()), None);
    }
}
