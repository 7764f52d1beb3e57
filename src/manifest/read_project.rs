//! Reads `llmops.yaml`.

use super::decode::{BAD_VALUE, Fields, Sink, UNKNOWN_KEY};
use super::files::{Files, MANIFEST_LIMIT, globs, tree, unreadable};
use super::head;
use super::project::{Api, DefaultJudge, Folders, Project, ProviderConfig};
use super::secrets;
use super::yaml::Node;
use crate::domain::{Code, Diagnostic, Place, ProviderName, RelPath};
use crate::repo::{ReadError, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the folder of a static embedding model holds: its vectors, and what cuts a text into tokens.
pub const MODEL_FILES: [&str; 2] = ["model.safetensors", "tokenizer.json"];

/// The project file.
pub const PROJECT_FILE: &str = "llmops.yaml";
/// What it may be taken for.
const OTHER_ENDING: &str = "llmops.yml";
/// The project file has another name than the one that is read.
pub const MISNAMED: Code = Code("project-file-misnamed");

const APIS: &[(&str, Api)] = &[
    ("anthropic", Api::Anthropic),
    ("openai", Api::OpenAi),
    ("exec", Api::Exec),
    ("http", Api::Http),
    ("builtin", Api::Builtin),
];

/// The project as far as it could be read.
#[derive(Default)]
pub struct ReadProject {
    /// Whatever is sound; defaults for the rest.
    pub project: Project,
    /// Providers with errors.
    pub broken: BTreeSet<ProviderName>,
    /// Whether the file is there and could not be read at all.
    pub unreadable: bool,
    /// Whether `judge:` is there and has errors.
    pub judge_broken: bool,
    /// Whether the file is there.
    pub exists: bool,
}

/// Reads the project file of a snapshot; its absence is no fault.
pub fn read(snapshot: &Snapshot, found: &mut Vec<Diagnostic>) -> ReadProject {
    let mut read = ReadProject::default();
    let Some(path) = RelPath::new(PROJECT_FILE) else { return read };
    let text = match snapshot.read_text(&path, MANIFEST_LIMIT) {
        Ok(text) => text,
        Err(ReadError::NotFound) => {
            let other = RelPath::new(OTHER_ENDING).filter(|path| snapshot.is_file(path));
            found.extend(other.map(|path| {
                Diagnostic::error(MISNAMED, format!("{OTHER_ENDING} is not read"))
                    .at(Place::file(&path))
                    .help(format!("name it {PROJECT_FILE}"))
            }));
            return read;
        }
        Err(error) => {
            found.push(unreadable(&path, &error, None));
            read.unreadable = true;
            return read;
        }
    };
    read.exists = true;
    let sink = Sink::new(&path);
    secrets::scan(&text, &sink);
    match tree(&text, &sink).as_ref().and_then(|node| sink.fields(node, "llmops.yaml")) {
        Some(fields) => read_fields(fields, Files { snapshot, sink: &sink }, &mut read),
        None => read.unreadable = true,
    }
    found.extend(sink.into_found());
    read
}

fn read_fields(fields: Fields<'_>, files: Files<'_>, read: &mut ReadProject) {
    let sink = files.sink;
    if let Some(node) = fields.get("providers")
        && let Some(entries) = sink.fields(node, "`providers`")
    {
        for (key, node) in entries.entries() {
            let name = ProviderName::from(key.text.as_str());
            match provider(files, &name, node, read.project.providers.get(&name)) {
                Some(config) => _ = read.project.providers.insert(name, config),
                None => _ = read.broken.insert(name),
            }
        }
    }
    if let Some(node) = fields.get("judge") {
        read.project.judge = judge(sink, node);
        read.judge_broken = read.project.judge.is_none();
    }
    if let Some(node) = fields.get("paths") {
        folders(sink, node, &mut read.project.folders);
    }
    if let Some(node) = fields.get("prices")
        && let Some(path) = files.path(node, "`prices`")
        && files.text(&path, node.span, MANIFEST_LIMIT).is_some()
    {
        read.project.prices = Some(path);
    }
    fields.finish(true);
}

fn judge(sink: &Sink, node: &Node) -> Option<DefaultJudge> {
    let fields = sink.fields(node, "`judge`")?;
    let model = fields.require("model", "MODEL").and_then(|node| head::model(sink, node, "`model`"));
    let provider = head::provider(&fields);
    fields.finish(false);
    let (model, span) = model?;
    Some(DefaultJudge { model, provider: provider.map(|(name, _)| name), place: sink.place(span) })
}

fn folders(sink: &Sink, node: &Node, folders: &mut Folders) {
    let Some(fields) = sink.fields(node, "`paths`") else { return };
    let keys: [(&'static str, &mut RelPath); 4] = [
        ("prompts", &mut folders.prompts),
        ("evals", &mut folders.evals),
        ("retrieval", &mut folders.retrieval),
        ("deployments", &mut folders.deployments),
    ];
    let mut taken: Vec<(RelPath, &'static str)> = Vec::new();
    for (key, folder) in keys {
        let node = fields.get(key);
        if let Some(node) = node
            && let Some(text) = sink.written(node, key)
        {
            match RelPath::new(&text).filter(|path| !path.as_str().is_empty()) {
                Some(path) => *folder = path,
                None => Files::outside_of(sink, node.span, &text),
            }
        }
        if let Some((_, other)) =
            taken.iter().find(|(path, _)| path.is_under(folder.as_str()) || folder.is_under(path.as_str()))
        {
            sink.error(
                BAD_VALUE,
                node.map_or(fields.span(), |node| node.span),
                format!("the folders `{other}` and `{key}` lie in one another"),
                "give each a folder of its own",
            );
        }
        taken.push((folder.clone(), key));
    }
    fields.finish(false);
}

/// One provider; `None` after an error.
fn provider(
    files: Files<'_>,
    name: &ProviderName,
    node: &Arc<Node>,
    default: Option<&ProviderConfig>,
) -> Option<ProviderConfig> {
    let sink = files.sink;
    let faults = Sink::new(sink.path());
    let config = entry(Files { sink: &faults, ..files }, name, node, default);
    let sound = !faults.has_errors();
    // A secret that its own look gave away is not reported once more for its key.
    let new = |found: &Diagnostic| found.code != secrets::LITERAL_SECRET || !sink.has_said(found);
    faults.into_found().into_iter().filter(new).for_each(|found| sink.push(found));
    config.filter(|_| sound)
}

fn entry(
    files: Files<'_>,
    name: &ProviderName,
    node: &Arc<Node>,
    default: Option<&ProviderConfig>,
) -> Option<ProviderConfig> {
    let sink = files.sink;
    let fields = sink.fields(node, "a provider")?;
    let api = match (fields.get("api"), default) {
        (Some(node), _) => sink.one_of(node, "`api`", APIS)?,
        (None, Some(default)) => default.api,
        (None, None) => {
            fields.require("api", "openai");
            return None;
        }
    };
    if let Some(default) = default
        && (default.api != api || api == Api::Builtin)
    {
        sink.error(
            BAD_VALUE,
            fields.key_span("api"),
            format!("`{name}` is built in with api `{}` and keeps it", default.api.as_str()),
            "give the provider another name",
        );
    } else if api == Api::Builtin && fields.get("path").is_none() {
        sink.error(
            BAD_VALUE,
            fields.span(),
            "what is built in needs no entry, unless it names the folder of an embedding model",
            "remove it, or add `path: models/NAME`",
        );
    }
    let mut config = ProviderConfig::new(name.clone(), api);
    config.place = Some(sink.place(node.span));
    addresses(&fields, &mut config);
    config.headers = headers(&fields);
    if let Some(node) = fields.get("api_key_env") {
        config.api_key_env = environment_name(sink, node);
    }
    let count = |key: &'static str| fields.get(key).and_then(|node| sink.integer(node, key, 1));
    if let Some(concurrency) = count("concurrency") {
        config.concurrency = concurrency;
    }
    config.requests_per_minute = count("requests_per_minute");
    config.input_tokens_per_minute = count("input_tokens_per_minute");
    config.output_tokens_per_minute = count("output_tokens_per_minute");
    config.timeout_s = count("timeout_s").map(u64::from);
    if let Some(node) = fields.get("command") {
        config.command = sink.texts(node, "`command`", false);
    }
    if let Some(node) = fields.get("inputs") {
        config.inputs = globs(sink, node, "`inputs`");
    }
    if let Some(node) = fields.get("path").filter(|_| api == Api::Builtin) {
        config.path = model_folder(files, node);
    }
    needs(&fields, &config);
    fields.finish(false);
    Some(config)
}

/// The folder of a static embedding model: what has to be in it is there.
fn model_folder(files: Files<'_>, node: &Node) -> Option<RelPath> {
    let folder = files.path(node, "`path`")?;
    for name in MODEL_FILES {
        let Some(path) = folder.join(name) else { continue };
        match files.snapshot.read(&path, 0) {
            Ok(_) | Err(ReadError::TooLarge { .. }) => {}
            Err(error) => {
                let help =
                    format!("`path` names a folder of this repository with {}", MODEL_FILES.join(" and "));
                files.sink.push(unreadable(&path, &error, Some(files.sink.place(node.span))).help(help));
            }
        }
    }
    Some(folder)
}

fn addresses(fields: &Fields<'_>, config: &mut ProviderConfig) {
    for (key, slot) in [("base_url", &mut config.base_url), ("url", &mut config.url)] {
        let Some(node) = fields.get(key) else { continue };
        let Some(text) = fields.sink().written(node, key) else { continue };
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        if host.is_some_and(|host| {
            !host.is_empty() && !host.starts_with('/') && !text.contains(char::is_whitespace)
        }) {
            *slot = Some(text.trim_end_matches('/').to_owned());
        } else {
            fields.sink().error(
                BAD_VALUE,
                node.span,
                format!("{key} is not an address"),
                "write it with its scheme, such as `http://localhost:11434/v1`",
            );
        }
    }
}

/// Headers: those whose names speak of secrets take only `${NAME}`.
fn headers(fields: &Fields<'_>) -> BTreeMap<String, String> {
    let sink = fields.sink();
    let mut headers = BTreeMap::new();
    let Some(entries) = fields.get("headers").and_then(|node| sink.fields(node, "`headers`")) else {
        return headers;
    };
    for (key, node) in entries.entries() {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if key.text.is_empty() || !key.text.bytes().all(token) {
            sink.error(
                BAD_VALUE,
                key.span,
                "this is not the name of a header",
                "write a name such as `x-title`",
            );
        }
        let Some(value) = sink.written(node, "a header") else { continue };
        if secrets::is_secret_key(&key.text) && secrets::has_literal_part(&value) {
            secrets::report_key(sink, &key.text, node.span);
        } else if value.chars().any(char::is_control) {
            sink.error(BAD_VALUE, node.span, "a header holds a line break", "write it on one line");
        } else {
            headers.insert(key.text.clone(), value);
        }
    }
    headers
}

/// The name of an environment variable. What is written is not repeated: it may be the secret itself.
fn environment_name(sink: &Sink, node: &Node) -> Option<String> {
    let text = sink.written(node, "`api_key_env`")?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if text.bytes().all(fits) && !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(text);
    }
    sink.error(
        BAD_VALUE,
        node.span,
        "`api_key_env` is not the name of an environment variable",
        "write its name, such as `MY_API_KEY`, never the key itself",
    );
    None
}

/// What an API cannot do without, and what it has no use for.
fn needs(fields: &Fields<'_>, config: &ProviderConfig) {
    let api = config.api;
    match api {
        Api::Exec if config.command.iter().all(|word| word.trim().is_empty()) => {
            fields.require("command", "[\"python3\", \"app.py\"]");
        }
        Api::Http => _ = fields.require("url", "\"http://localhost:8000/\""),
        _ => {}
    }
    let useless: &[&'static str] = match api {
        Api::Anthropic | Api::OpenAi => &["url", "command", "inputs", "path"],
        Api::Exec => &["base_url", "url", "headers", "api_key_env", "path"],
        Api::Http => &["base_url", "command", "path"],
        // Without a folder it is refused as a whole.
        Api::Builtin if config.path.is_none() => &[],
        Api::Builtin => &[
            "base_url",
            "url",
            "headers",
            "api_key_env",
            "command",
            "inputs",
            "concurrency",
            "requests_per_minute",
            "input_tokens_per_minute",
            "output_tokens_per_minute",
            "timeout_s",
        ],
    };
    for key in useless {
        if fields.get(key).is_some() {
            fields.sink().error(
                UNKNOWN_KEY,
                fields.key_span(key),
                format!("a provider with api `{}` has no `{key}`", api.as_str()),
                "remove it",
            );
        }
    }
}
