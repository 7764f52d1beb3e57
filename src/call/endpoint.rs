//! Where a provider is and what it is sent with each call: address, key, headers.

use super::address::secrets_in;
use super::environment::Environment;
use super::proxies::Proxies;
use super::secret::Secret;
use crate::domain::{Error, Kind, ModelId, model};
use crate::manifest::project::{Api, ProviderConfig};
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// The version of the Messages API that is spoken.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// What must be changed before a provider can be called.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Unready {
    /// A lower-case fragment.
    pub message: String,
    /// What to type next.
    pub hint: String,
    /// What is lacking.
    pub lack: Lack,
}

/// What a provider lacks before it can be called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lack {
    /// A variable of the environment is not set.
    Key,
    /// It runs a program, and that is forbidden here.
    Permission,
    /// Its configuration is wrong.
    Setup,
}

impl From<Unready> for Error {
    fn from(unready: Unready) -> Self {
        // Without a key or a permission nothing is wrong with the input: there is only no verdict here.
        let kind = match unready.lack {
            Lack::Key | Lack::Permission => Kind::NoVerdict,
            Lack::Setup => Kind::Input,
        };
        Self::new(kind, unready.message).hint(unready.hint)
    }
}

/// A provider's address and headers, resolved. Values that come from the environment are marked sensitive.
#[derive(Clone, Debug)]
pub struct Endpoint {
    url: Url,
    /// The headers of every call, the key's included.
    pub headers: HeaderMap,
    /// Whether it is OpenAI's own.
    pub official: bool,
}

impl Endpoint {
    /// Resolves a provider that is reached over HTTP.
    ///
    /// The address is `base_url`; else, for the providers named `anthropic` and `openai`, what
    /// `ANTHROPIC_BASE_URL` and `OPENAI_BASE_URL` say; else the vendor's own. A header of the project file
    /// replaces one of the same name that would be sent by default.
    ///
    /// # Errors
    /// A variable that is not set, a value that no header can carry, an address that is none, its proxy's included.
    pub fn resolve(config: &ProviderConfig, environment: &Environment) -> Result<Self, Unready> {
        let url = base_url(config, environment)?;
        Proxies::of(environment).via(&url)?;
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        let accept = match config.api {
            Api::Http => "application/json, text/plain",
            Api::Anthropic | Api::OpenAi | Api::Exec | Api::Builtin => "application/json",
        };
        headers.insert("accept", HeaderValue::from_static(accept));
        if config.api == Api::Anthropic {
            headers.insert("anthropic-version", HeaderValue::from_static(ANTHROPIC_VERSION));
        }
        if let Some(name) = &config.api_key_env {
            let key = variable(config, environment, name)?;
            let (header, text) = match config.api {
                Api::Anthropic => ("x-api-key", key.expose().trim().to_owned()),
                Api::OpenAi | Api::Http | Api::Exec | Api::Builtin => {
                    ("authorization", format!("Bearer {}", key.expose().trim()))
                }
            };
            headers.insert(header, secret_value(config, name, &text)?);
        }
        for (name, template) in &config.headers {
            let header: HeaderName = name.parse().map_err(|_| Unready {
                message: format!("provider `{}`: `{name}` is no header name", config.name),
                hint: format!("correct `headers` of `{}` in llmops.yaml", config.name),
                lack: Lack::Setup,
            })?;
            let text = expand(config, environment, template)?;
            headers.insert(header, secret_value(config, name, &text)?);
        }
        let official = config.api == Api::OpenAi && is_openai_host(url.host_str());
        Ok(Self { url, headers, official })
    }

    /// The address of `path` under the base, with the base's query, if it has one, kept behind it.
    pub fn at(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        let base = self.url.path().trim_end_matches('/');
        // `https://api.anthropic.com/v1` and `https://api.anthropic.com` both mean the same API.
        let path = if base.ends_with("/v1") { path.strip_prefix("/v1").unwrap_or(path) } else { path };
        url.set_path(&format!("{base}{path}"));
        url
    }

    /// The address itself.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether replies are limited by `max_completion_tokens`: at OpenAI's own address, and for OpenAI's
    /// models wherever a gateway stands before them. Every other compatible server knows `max_tokens`.
    pub fn limits_completion(&self, model: &ModelId) -> bool {
        self.official || is_openai_model(model)
    }
}

fn is_openai_host(host: Option<&str>) -> bool {
    host.is_some_and(|host| host == "api.openai.com" || host.ends_with(".api.openai.com"))
}

fn is_openai_model(id: &ModelId) -> bool {
    let name = id.as_str();
    if name.starts_with("gpt-oss") {
        return false;
    }
    match model::facts(id) {
        Some(facts) => facts.provider.as_str() == "openai",
        None => ["gpt-", "chatgpt-", "o1", "o3", "o4-"].iter().any(|start| name.starts_with(start)),
    }
}

fn base_url(config: &ProviderConfig, environment: &Environment) -> Result<Url, Unready> {
    let from_environment = |name: &str| environment.get(name).map(|value| value.expose().trim().to_owned());
    let (own, variable) = match config.api {
        Api::Anthropic if config.name.as_str() == "anthropic" => {
            ("https://api.anthropic.com", Some("ANTHROPIC_BASE_URL"))
        }
        Api::Anthropic => ("https://api.anthropic.com", None),
        Api::OpenAi if config.name.as_str() == "openai" => {
            ("https://api.openai.com/v1", Some("OPENAI_BASE_URL"))
        }
        Api::OpenAi => ("https://api.openai.com/v1", None),
        Api::Http | Api::Exec | Api::Builtin => ("", None),
    };
    let configured = if config.api == Api::Http { config.url.clone() } else { config.base_url.clone() };
    let text = configured.or_else(|| from_environment(variable?)).unwrap_or_else(|| own.to_owned());
    Url::parse(&text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| Unready {
            message: format!("provider `{}` has no usable address", config.name),
            hint: match variable {
                Some(name) if config.base_url.is_none() => format!("set {name} to an http or https address"),
                _ => format!("give `{}` an http or https address in llmops.yaml", config.name),
            },
            lack: Lack::Setup,
        })
}

fn variable(config: &ProviderConfig, environment: &Environment, name: &str) -> Result<Secret, Unready> {
    environment.get(name).ok_or_else(|| Unready {
        message: format!("{name} is not set, and provider `{}` needs it", config.name),
        hint: format!("export {name}=…"),
        lack: Lack::Key,
    })
}

/// Replaces `${NAME}` by the variable of that name.
fn expand(config: &ProviderConfig, environment: &Environment, template: &str) -> Result<String, Unready> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else { break };
        text.push_str(before);
        text.push_str(variable(config, environment, name)?.expose().trim());
        rest = behind;
    }
    text.push_str(rest);
    Ok(text)
}

fn secret_value(config: &ProviderConfig, name: &str, text: &str) -> Result<HeaderValue, Unready> {
    let mut value = HeaderValue::from_str(text).map_err(|_| Unready {
        message: format!("provider `{}`: {name} holds characters that no header can carry", config.name),
        hint: format!("look for line breaks or quotation marks in {name}"),
        lack: Lack::Setup,
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Every secret that a provider is sent, by the name of its variable; and those of its address.
pub fn secrets(config: &ProviderConfig, environment: &Environment) -> Vec<(String, Secret)> {
    let mut names: Vec<&str> = config.api_key_env.as_deref().into_iter().collect();
    for template in config.headers.values() {
        names.extend(template.split("${").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)));
    }
    let mut found: Vec<(String, Secret)> =
        names.into_iter().filter_map(|name| Some((name.to_owned(), environment.get(name)?))).collect();
    for address in config.base_url.iter().chain(&config.url) {
        let label = format!("address of {}", config.name);
        found.extend(secrets_in(address).into_iter().map(|secret| (label.clone(), secret)));
    }
    found
}

#[cfg(test)]
mod tests;
