//! The files that an import writes: prompt manifests, suites, cases.

use super::losses::Losses;
use super::models::Target;
use super::template::{self, Use};
use super::trial::renderable;
use super::{File, Source, slug};
use crate::domain::{Error, Result};
use crate::manifest::secrets;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Files, and the providers that they name.
pub type Made = (Vec<File>, BTreeMap<String, Value>);

/// A message: role and template.
pub type Message = (String, String);

/// A prompt as it was understood.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// Its name.
    pub name: String,
    /// Its messages.
    pub messages: Vec<Message>,
    /// Where it stands, in the text of `place`.
    pub line: u32,
    /// The text that it is from.
    pub place: Losses,
    /// Its description.
    pub description: Option<String>,
    /// Who wrote it, where the source says so.
    pub author: Option<String>,
    /// What the source says of its variables, as JSON Schemas.
    pub inputs: Map<String, Value>,
}

impl Prompt {
    /// A prompt of which no more is known. Its line is one of the text that the losses are of.
    pub fn new(name: String, messages: Vec<Message>, (line, place): (u32, Losses)) -> Self {
        Self { name, messages, line, place, description: None, author: None, inputs: Map::new() }
    }
}

/// A case as it was understood.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Its id, if it has one.
    pub id: Option<String>,
    /// Its variables, `context` among them.
    pub vars: Map<String, Value>,
    /// The expected answer.
    pub expected: Option<Value>,
    /// Its own asserts.
    pub asserts: Vec<Value>,
    /// Its labels.
    pub tags: Map<String, Value>,
}

impl Row {
    /// Values that templates only print become the text that the source prints for them: it has no `none`, no `1.0`,
    /// and prints mappings as JSON. Those that templates look into stay what they are.
    pub fn settle(&mut self, texts: &[String], line: u32, losses: &Losses) {
        for (name, value) in
            self.vars.iter_mut().filter(|(name, value)| *name != "context" && !value.is_string())
        {
            let found = texts.iter().map(|text| template::use_of(name, text)).fold(Use::default(), Use::and);
            let (text, plain) = (template::printed(value), value.to_string());
            match (found.printed, found.otherwise) {
                (true, false) => *value = Value::String(text),
                (false, false) => {}
                // Whole numbers and truth values are printed alike.
                _ if text == plain => {}
                (false, true) if value.is_array() || value.is_object() => {}
                _ => {
                    let how = "a template prints it and does more with it: what is no text is printed in another way here";
                    losses.approximated(line, format!("vars.{name}"), how);
                }
            }
        }
    }
}

/// Who judges, and what.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    /// Its model; the built-in judge where none was named.
    pub model: Option<Target>,
    /// What the source calls it.
    pub named: Option<String>,
    /// Its dimensions.
    pub dimensions: Map<String, Value>,
}

/// Everything of one configuration.
#[derive(Clone, Debug, Default)]
pub struct Whole {
    /// Prompts.
    pub prompts: Vec<Prompt>,
    /// Models; each prompt runs on each.
    pub targets: Vec<Target>,
    /// Cases.
    pub rows: Vec<Row>,
    /// Asserts of every case.
    pub asserts: Vec<Value>,
    /// The judge.
    pub judge: Judge,
}

/// The files of `whole`, under names that start with `base`.
pub fn files(source: Source<'_>, base: &str, whole: &mut Whole, losses: &Losses) -> Result<Made> {
    let providers = providers(source, whole);
    let (stem, names) = names(source, base, whole);
    let mut files = Vec::new();
    let pairs =
        whole.prompts.iter().flat_map(|prompt| whole.targets.iter().map(move |target| (prompt, target)));
    for (name, (prompt, target)) in names.iter().zip(pairs) {
        files.push(manifest(source, name, prompt, target, &whole.rows)?);
        if !whole.rows.is_empty() {
            files.push(suite(&stem, name, target, whole, losses)?);
        }
    }
    if !whole.rows.is_empty() && !files.is_empty() {
        files.push(File { path: cases_path(&stem), text: rows(&whole.rows, losses) });
    }
    Ok((files, providers))
}

fn cases_path(stem: &str) -> String {
    format!("evals/cases/{stem}.jsonl")
}

/// A stem, and a name for each prompt on each model. Where another source of the same run made one of their files,
/// all of them get a number.
fn names(source: Source<'_>, base: &str, whole: &Whole) -> (String, Vec<String>) {
    let free = |stem: &str, names: &[String]| {
        let taken = |path: &str| source.made.contains(path);
        !taken(&cases_path(stem)) && !names.iter().any(|name| taken(&format!("prompts/{name}.yaml")))
    };
    let mut mark = String::new();
    for number in 2.. {
        let (stem, names) = (format!("{base}{mark}"), numbered(whole, &mark));
        if free(&stem, &names) {
            return (stem, names);
        }
        mark = format!("_{number}");
    }
    (base.to_owned(), numbered(whole, ""))
}

/// The names of all prompts on all models, each once.
fn numbered(whole: &Whole, mark: &str) -> Vec<String> {
    let mut known: HashSet<String> = HashSet::new();
    let mut names = Vec::new();
    for prompt in &whole.prompts {
        for target in &whole.targets {
            let of_model =
                if whole.targets.len() > 1 { format!("_{}", slug(&target.model)) } else { String::new() };
            let stem = format!("{}{of_model}{mark}", prompt.name);
            let mut name = stem.clone();
            let mut number = 2;
            while !known.insert(name.clone()) {
                name = format!("{stem}_{number}");
                number += 1;
            }
            names.push(name);
        }
    }
    names
}

/// The entries of all targets. A name that stands for something else already gets a number.
fn providers(source: Source<'_>, whole: &mut Whole) -> BTreeMap<String, Value> {
    let mut own: BTreeMap<String, Value> = BTreeMap::new();
    for target in whole.targets.iter_mut().chain(&mut whole.judge.model) {
        let (Some(entry), Some(provider)) = (&target.entry, &mut target.provider) else { continue };
        let same = |have: &Value| {
            ["api", "base_url", "api_key_env", "command"].iter().all(|key| have.get(key) == entry.get(key))
        };
        let stem = provider.clone();
        let mut number = 2;
        while own
            .get(provider.as_str())
            .or_else(|| source.taken.get(provider.as_str()))
            .is_some_and(|have| !same(have))
        {
            *provider = format!("{stem}_{number}");
            number += 1;
        }
        own.insert(provider.clone(), entry.clone());
    }
    own
}

fn manifest(source: Source<'_>, name: &str, prompt: &Prompt, target: &Target, rows: &[Row]) -> Result<File> {
    let losses = &prompt.place;
    let messages: Vec<Message> = prompt
        .messages
        .iter()
        .map(|(role, text)| (role.clone(), renderable(text, rows, prompt.line, losses)))
        .collect();
    let used: BTreeSet<String> = messages
        .iter()
        .flat_map(|(_, text)| template::variables(text))
        .filter(|name| name != "context")
        .collect();
    let missing: BTreeSet<&String> =
        used.iter().filter(|name| rows.iter().any(|row| !row.vars.contains_key(*name))).collect();
    let mut map = Map::new();
    map.insert("version".into(), json!("0.1.0"));
    map.insert("model_target".into(), json!(target.model));
    if let Some(provider) = &target.provider {
        map.insert("provider".into(), json!(provider));
    }
    let origin = source.origin;
    if let Some(author) = prompt.author.as_ref().or(origin.author.as_ref()) {
        map.insert("author".into(), json!(author));
    }
    if !origin.today.is_empty() {
        map.insert("created".into(), json!(origin.today));
    }
    if let Some(description) = &prompt.description {
        map.insert("description".into(), json!(description));
    }
    let at = origin.commit.as_ref().map(|commit| format!("@{}", commit.chars().take(12).collect::<String>()));
    map.insert("changelog".into(), json!(format!("imported from {}{}", origin.file, at.unwrap_or_default())));
    let mut metadata = Map::new();
    metadata.insert("imported_from".into(), json!(origin.file));
    if let Some(commit) = &origin.commit {
        metadata.insert("imported_commit".into(), json!(commit));
    }
    map.insert("metadata".into(), Value::Object(metadata));
    let plain = matches!(&messages[..], [(user, _)] if user == "user")
        || matches!(&messages[..], [(system, _), (user, _)] if system == "system" && user == "user");
    if plain {
        messages.iter().for_each(|(role, text)| _ = map.insert(role.clone(), json!(text)));
    } else {
        let list: Vec<Value> =
            messages.iter().map(|(role, text)| json!({"role": role, "content": text})).collect();
        map.insert("messages".into(), Value::Array(list));
    }
    if !missing.is_empty() || used.iter().any(|name| prompt.inputs.contains_key(name)) {
        let mut inputs = Map::new();
        for name in &used {
            let mut input = prompt.inputs.get(name).cloned().unwrap_or_else(|| json!({}));
            if missing.contains(name) && input.get("default").is_none() {
                let why = "some case does not supply it: the source renders nothing there, silently; here its default says so";
                losses.ignored(prompt.line, format!("{{{{{name}}}}}"), why);
                input["default"] = json!("");
            }
            inputs.insert(name.clone(), input);
        }
        map.insert("inputs".into(), Value::Object(inputs));
    }
    if !target.parameters.is_empty() {
        map.insert("parameters".into(), Value::Object(target.parameters.clone()));
    }
    if let Some(output) = &target.output {
        map.insert("output".into(), output.clone());
    }
    yaml(format!("prompts/{name}.yaml"), Value::Object(map), losses)
}

fn suite(base: &str, name: &str, target: &Target, whole: &Whole, losses: &Losses) -> Result<File> {
    let mut map = Map::new();
    map.insert("version".into(), json!("0.1.0"));
    map.insert("prompt".into(), json!(name));
    map.insert("cases".into(), json!(format!("cases/{base}.jsonl")));
    if !whole.asserts.is_empty() {
        map.insert("assert".into(), Value::Array(whole.asserts.clone()));
    }
    if !whole.judge.dimensions.is_empty() {
        let mut judge = Map::new();
        match &whole.judge.model {
            Some(model) => {
                judge.insert("model".into(), json!(model.model));
                if let Some(provider) = &model.provider {
                    judge.insert("provider".into(), json!(provider));
                }
                if model.model == target.model {
                    losses.approximated(
                        0,
                        "judge",
                        format!("`{}` judges its own answers; name another judge", model.model),
                    );
                    judge.insert("allow_self".into(), json!(true));
                }
            }
            None => _ = judge.insert("model".into(), json!("builtin/lexical")),
        }
        judge.insert("dimensions".into(), Value::Object(whole.judge.dimensions.clone()));
        map.insert("judge".into(), Value::Object(judge));
    }
    yaml(format!("evals/{name}.yaml"), Value::Object(map), losses)
}

fn rows(rows: &[Row], losses: &Losses) -> String {
    let mut ids: HashSet<String> = HashSet::new();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let stem = row.id.clone().map_or_else(|| format!("case_{:03}", index + 1), |id| slug(&id));
        let mut id = stem.clone();
        let mut number = 2;
        while !ids.insert(id.clone()) {
            id = format!("{stem}_{number}");
            number += 1;
        }
        let mut map = Map::new();
        map.insert("id".into(), json!(id));
        let mut vars = row.vars.clone();
        let context = vars.shift_remove("context");
        map.insert("vars".into(), Value::Object(vars));
        if let Some(context) = context {
            let chunks = match context {
                Value::Array(items) => items.iter().map(text_of).collect(),
                other => vec![text_of(&other)],
            };
            map.insert("context".into(), json!(chunks));
        }
        if let Some(expected) = row.expected.as_ref().filter(|expected| !expected.is_null()) {
            map.insert("expected".into(), expected.clone());
        }
        if !row.asserts.is_empty() {
            map.insert("assert".into(), Value::Array(row.asserts.clone()));
        }
        if !row.tags.is_empty() {
            map.insert("tags".into(), Value::Object(row.tags.clone()));
        }
        text.push_str(&format!("{}\n", without_secrets(Value::Object(map), losses)));
    }
    text
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn yaml(path: String, value: Value, losses: &Losses) -> Result<File> {
    let text = serde_yaml::to_string(&without_secrets(value, losses))
        .map_err(|error| Error::storage("a manifest cannot be written", error))?;
    Ok(File { path, text })
}

/// What is imported is committed: a key that the source held, or a file that it named, is not copied.
fn without_secrets(value: Value, losses: &Losses) -> Value {
    match value {
        Value::String(text) => match secrets::redact(&text) {
            Cow::Borrowed(_) => Value::String(text),
            Cow::Owned(clean) => {
                let why = "what looks like a key was not copied: `[redacted]` stands in its place; revoke it, and take it out of the source";
                losses.dropped(0, "a secret", why);
                Value::String(clean)
            }
        },
        Value::Array(items) => items.into_iter().map(|item| without_secrets(item, losses)).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, without_secrets(value, losses)))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}
