//! The files that an import writes: prompt manifests, suites, cases.

use super::models::Target;
use super::{File, Losses, Source, slug, template};
use crate::domain::{Error, Result};
use crate::render::limits;
use serde_json::{Map, Value, json};
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
    /// Where it stands.
    pub line: u32,
    /// Its description.
    pub description: Option<String>,
    /// Who wrote it, where the source says so.
    pub author: Option<String>,
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

/// Who judges, and what.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    /// Its model; the built-in judge where none was named.
    pub model: Option<Target>,
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
    let mut files = Vec::new();
    let mut names: HashSet<String> = HashSet::new();
    let cases = format!("evals/cases/{base}.jsonl");
    for prompt in &whole.prompts {
        for target in &whole.targets {
            let mut name = if whole.targets.len() > 1 {
                format!("{}_{}", prompt.name, slug(&target.model))
            } else {
                prompt.name.clone()
            };
            let stem = name.clone();
            let mut number = 2;
            while !names.insert(name.clone()) {
                name = format!("{stem}_{number}");
                number += 1;
            }
            files.push(manifest(source, &name, prompt, target, &whole.rows, losses)?);
            if !whole.rows.is_empty() {
                files.push(suite(base, &name, target, whole, losses)?);
            }
        }
    }
    if !whole.rows.is_empty() && !files.is_empty() {
        files.push(File { path: cases, text: rows(&whole.rows) });
    }
    Ok((files, providers))
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

fn manifest(
    source: Source<'_>,
    name: &str,
    prompt: &Prompt,
    target: &Target,
    rows: &[Row],
    losses: &Losses,
) -> Result<File> {
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
    if !missing.is_empty() {
        let mut inputs = Map::new();
        for name in &used {
            let optional = missing.contains(name);
            if optional {
                let why = "some case does not supply it: the source renders nothing there, silently; here its default says so";
                losses.ignored(prompt.line, format!("{{{{{name}}}}}"), why);
            }
            inputs.insert(name.clone(), if optional { json!({"default": ""}) } else { json!({}) });
        }
        map.insert("inputs".into(), Value::Object(inputs));
    }
    if !target.parameters.is_empty() {
        map.insert("parameters".into(), Value::Object(target.parameters.clone()));
    }
    if let Some(output) = &target.output {
        map.insert("output".into(), output.clone());
    }
    yaml(format!("prompts/{name}.yaml"), &Value::Object(map))
}

/// Instructions that trying a template may take.
const FUEL: u64 = 500_000;

/// A template that every case can render; else its text as it stands.
fn renderable(text: &str, rows: &[Row], line: u32, losses: &Losses) -> String {
    if !template::is_dynamic(text) {
        return text.to_owned();
    }
    let mut environment = minijinja::Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    let used = template::variables(text);
    let fault = |text: &str| {
        if let Some(excess) = limits::excess(text) {
            return Some(format!("{} (line {})", excess.message, excess.line));
        }
        rows.iter().chain([&Row::default()]).find_map(|row| {
            let mut vars: BTreeMap<String, Value> =
                used.iter().map(|name| (name.clone(), json!(""))).collect();
            vars.extend(row.vars.iter().map(|(name, value)| (name.clone(), value.clone())));
            match environment
                .template_from_str(text)
                .and_then(|template| template.render(minijinja::value::Serde(&vars)))
            {
                Ok(rendered) if rendered.len() < 1 << 20 => None,
                Ok(_) => Some("it renders to more than a mebibyte".to_owned()),
                Err(error) => Some(error.to_string()),
            }
        })
    };
    let Some(first) = fault(text) else { return text.to_owned() };
    // A part of a value that some case lacks renders to nothing in the source.
    let lenient = template::lenient(text);
    match fault(&lenient) {
        None => {
            losses.ignored(
                line,
                "template",
                format!("{first}: the source renders nothing there, silently; here a default says so"),
            );
            lenient
        }
        Some(fault) => {
            losses.approximated(
                line,
                "template",
                format!(
                    "it cannot be rendered ({}); the text was kept as it stands",
                    fault.lines().next().unwrap_or("")
                ),
            );
            template::escaped(text)
        }
    }
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
    yaml(format!("evals/{name}.yaml"), &Value::Object(map))
}

fn rows(rows: &[Row]) -> String {
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
        text.push_str(&format!("{}\n", Value::Object(map)));
    }
    text
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn yaml(path: String, value: &Value) -> Result<File> {
    let text = serde_yaml::to_string(value)
        .map_err(|error| Error::storage("a manifest cannot be written", error))?;
    Ok(File { path, text })
}
