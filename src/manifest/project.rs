//! The project file `llmops.yaml`.

use crate::domain::{ModelId, Place, ProviderName, RelPath};
use std::collections::BTreeMap;

/// The API that a provider speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Api {
    /// Anthropic Messages.
    Anthropic,
    /// OpenAI Chat Completions, and whatever is compatible.
    OpenAi,
    /// A program: a request on stdin, a reply on stdout.
    Exec,
    /// The same by POST.
    Http,
    /// Deterministic, in this binary.
    Builtin,
}

impl Api {
    /// The word for it in manifests and keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Exec => "exec",
            Self::Http => "http",
            Self::Builtin => "builtin",
        }
    }
}

/// How to reach a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProviderConfig {
    /// Its name in the project.
    pub name: ProviderName,
    /// What it speaks.
    pub api: Api,
    /// Where it is, without trailing slash; `None`: the API's own address, or what the environment says.
    pub base_url: Option<String>,
    /// The address of an `http` provider.
    pub url: Option<String>,
    /// Headers to send; no secret may stand in them as a literal, `${NAME}` is read from the environment.
    pub headers: BTreeMap<String, String>,
    /// The environment variable that holds the key.
    pub api_key_env: Option<String>,
    /// Calls at once; at least 1.
    pub concurrency: u32,
    /// Calls per minute.
    pub requests_per_minute: Option<u32>,
    /// Input tokens per minute.
    pub input_tokens_per_minute: Option<u32>,
    /// Output tokens per minute.
    pub output_tokens_per_minute: Option<u32>,
    /// Program and arguments of an `exec` provider, run at the root.
    pub command: Vec<String>,
    /// Globs whose content enters the digests of prompts on this provider. Empty: nothing of it is cached.
    pub inputs: Vec<String>,
    /// Seconds per attempt, where it has a limit of its own.
    pub timeout_s: Option<u64>,
    /// The folder of a static embedding model, of a `builtin` provider that the project defines.
    pub path: Option<RelPath>,
    /// Where it is defined; `None` for the built-in ones.
    pub place: Option<Place>,
}

impl ProviderConfig {
    /// A provider with everything at its default.
    pub fn new(name: ProviderName, api: Api) -> Self {
        let api_key_env = match api {
            Api::Anthropic if name.as_str() == "anthropic" => Some("ANTHROPIC_API_KEY".to_owned()),
            Api::OpenAi if name.as_str() == "openai" => Some("OPENAI_API_KEY".to_owned()),
            _ => None,
        };
        Self {
            name,
            api,
            base_url: None,
            url: None,
            headers: BTreeMap::new(),
            api_key_env,
            concurrency: 8,
            requests_per_minute: None,
            input_tokens_per_minute: None,
            output_tokens_per_minute: None,
            command: Vec::new(),
            inputs: Vec::new(),
            timeout_s: None,
            path: None,
            place: None,
        }
    }
}

impl ProviderConfig {
    /// Whether a program or a service answers of which nothing is declared: what it is now is not known.
    pub fn is_undeclared(&self) -> bool {
        matches!(self.api, Api::Exec | Api::Http) && self.inputs.is_empty()
    }
}

/// Names of the folders.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are the keys of the same names, each a path from the root")]
pub struct Folders {
    pub prompts: RelPath,
    pub evals: RelPath,
    pub retrieval: RelPath,
    pub deployments: RelPath,
}

/// The judge of suites that name none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DefaultJudge {
    /// Its model.
    pub model: ModelId,
    /// Its provider, if named.
    pub provider: Option<ProviderName>,
    /// Where it is named.
    pub place: Place,
}

/// `llmops.yaml`, checked; its defaults where there is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Project {
    /// Every provider: `anthropic`, `openai` and `builtin` always, then those of the file.
    pub providers: BTreeMap<ProviderName, ProviderConfig>,
    /// The default judge.
    pub judge: Option<DefaultJudge>,
    /// The folders.
    pub folders: Folders,
    /// A price table of the project's own.
    pub prices: Option<RelPath>,
}

impl Default for Project {
    /// What holds without a project file.
    fn default() -> Self {
        let builtin = |name: &str, api| (ProviderName::from(name), ProviderConfig::new(name.into(), api));
        let folder = |name: &str| RelPath::new(name).unwrap_or_else(RelPath::root);
        Self {
            providers: BTreeMap::from([
                builtin("anthropic", Api::Anthropic),
                builtin("openai", Api::OpenAi),
                builtin("builtin", Api::Builtin),
            ]),
            judge: None,
            folders: Folders {
                prompts: folder("prompts"),
                evals: folder("evals"),
                retrieval: folder("retrieval"),
                deployments: folder("deployments"),
            },
            prices: None,
        }
    }
}
