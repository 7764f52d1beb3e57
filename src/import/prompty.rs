//! Prompty files, current and legacy: YAML between `---`, then the template with its role markers.

use super::losses::Losses;
use super::models::Named;
use super::output::{self, Made, Message, Prompt, Row, Whole};
use super::tree::{self, Tree};
use super::{Source, models, prompts, slug, template};
use crate::domain::{Error, Result};
use crate::manifest::json_schemas::usable;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Imports one file.
pub fn import(source: Source<'_>, base: &str, losses: &Losses) -> Result<Made> {
    let text = source.text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let (front, body) = parts(&text).ok_or_else(|| {
        Error::input(format!("{} does not start with YAML between two lines of `---`", source.origin.file))
    })?;
    // A leading line break puts the lines of the front matter where they stand in the file.
    let yaml = if front.trim().is_empty() { "{}".to_owned() } else { format!("\n{front}\n") };
    let tree = tree::parse(&yaml).map_err(|fault| super::no_yaml(source, &fault))?;
    let body_line = u32::try_from(front.lines().count()).unwrap_or(0).saturating_add(3);
    let mut whole = Whole::default();
    let mustache = tree.get("template").is_some_and(|node| {
        node.value().to_string().contains("mustache")
            || node.text_of("format").is_some_and(|format| format == "mustache")
    });
    let messages = prompts::settled(split(body, body_line, mustache, losses), body_line, losses);
    if messages.is_empty() {
        return Ok(Made::default());
    }
    let name = tree.text_of("name").map_or_else(|| base.to_owned(), slug);
    let description = tree.text_of("description").map(str::to_owned).filter(|text| !text.trim().is_empty());
    let authors: Vec<&str> =
        tree.get("authors").map(Tree::items).unwrap_or_default().into_iter().filter_map(Tree::text).collect();
    let author = (!authors.is_empty()).then(|| authors.join(", "));
    let inputs = schemas(tree, &messages, losses);
    let place = (body_line, losses.clone());
    whole.prompts.push(Prompt { description, author, inputs, ..Prompt::new(name.clone(), messages, place) });
    let mut target = target(tree, losses);
    target.output = outputs(tree, &target, losses).or(target.output);
    whole.targets.push(target);
    let mut vars = Map::new();
    samples(source, tree, &mut vars, losses);
    if vars.is_empty() {
        losses.ignored(
            tree.get("inputs").map_or(0, Tree::line),
            "sample",
            "there is no sample; no suite was written",
        );
    } else {
        losses.approximated(
            0,
            "sample",
            "it became one case, which checks that the prompt renders and little else",
        );
        whole.rows.push(Row { id: Some("sample".to_owned()), vars, ..Row::default() });
    }
    for (key, line, _) in tree.entries() {
        match key {
            "name" | "description" | "model" | "inputs" | "outputs" | "sample" | "authors" => {}
            "template" if !mustache => {}
            "version" | "tags" | "metadata" => {
                losses.dropped(line, key, "a free text; write it under `author` or `metadata`");
            }
            _ => losses.dropped(line, key, "this key has no counterpart"),
        }
    }
    output::files(source, &name, &mut whole, losses)
}

/// The front matter, and the body behind it.
fn parts(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("---\n")?;
    let (front, body) = match rest.strip_prefix("---") {
        Some(body) => ("", body),
        None => rest.split_once("\n---")?,
    };
    Some((front, body.trim_start_matches('-').trim_start_matches('\n')))
}

fn target(tree: Tree<'static>, losses: &Losses) -> models::Target {
    let model = tree.get("model");
    let configuration =
        model.and_then(|model| model.get("configuration").or_else(|| model.get("connection")));
    let deployment = configuration.and_then(|node| node.get("azure_deployment"));
    let named = deployment
        .or_else(|| model.and_then(|model| model.get("id")))
        .or_else(|| configuration.and_then(|node| node.get("model").or_else(|| node.get("name"))))
        .or_else(|| model.filter(|model| model.text().is_some()));
    let id = named.and_then(Tree::text).unwrap_or("(no model)").to_owned();
    let line = named.map_or(0, Tree::line);
    let vendor = model.and_then(|model| model.text_of("provider")).unwrap_or("");
    let of_azure = deployment.is_some() || vendor.to_lowercase().starts_with("azure");
    let id = match vendor.to_lowercase().as_str() {
        _ if of_azure => format!("azure:{id}"),
        "" | "openai" | "anthropic" => id,
        other => format!("{other}:{id}"),
    };
    let mut target = models::tested(Named::new(&id, line), losses);
    let Some(model) = model else { return target };
    for key in ["parameters", "options"] {
        if let Some(parameters) = model.get(key) {
            models::parameters(parameters, &mut target, losses);
        }
    }
    for (key, line, _) in model.entries() {
        if !["id", "parameters", "options", "configuration", "connection", "api", "provider"].contains(&key) {
            losses.dropped(line, format!("model.{key}"), "this key has no counterpart");
        }
    }
    for (key, line, _) in configuration.map(Tree::entries).unwrap_or_default() {
        if !["azure_deployment", "model", "name", "type"].contains(&key) {
            losses.dropped(
                line,
                format!("configuration.{key}"),
                "where a model is reached stands in llmops.yaml",
            );
        }
    }
    target
}

/// The values of `sample`, or of the inputs' own samples and defaults.
fn samples(source: Source<'_>, tree: Tree<'static>, vars: &mut Map<String, Value>, losses: &Losses) {
    for item in tree.get("inputs").map(inputs).unwrap_or_default() {
        let (name, node) = item;
        for key in ["default", "sample", "example"] {
            if let Some(value) = node.get(key) {
                vars.insert(name.clone(), value.value());
            }
        }
    }
    let Some(sample) = tree.get("sample") else { return };
    if let Some(named) = sample.text() {
        let file = named.trim_start_matches("${file:").trim_start_matches("file:").trim_end_matches('}');
        match source.mapping(file) {
            Ok(read) => {
                vars.extend(
                    read.entries().into_iter().map(|(key, _, value)| (key.to_owned(), value.value())),
                );
            }
            Err(why) => losses.dropped(sample.line(), "sample", format!("`{file}`: {why}")),
        }
    }
    vars.extend(sample.entries().into_iter().map(|(key, _, value)| (key.to_owned(), value.value())));
}

/// `{name: {…}}`, or a list of `{name, …}`.
fn inputs(node: Tree<'static>) -> Vec<(String, Tree<'static>)> {
    if node.is_list() {
        return node
            .items()
            .into_iter()
            .filter_map(|item| Some((item.text_of("name")?.to_owned(), item)))
            .collect();
    }
    let node = node.get("properties").unwrap_or(node);
    node.entries().into_iter().map(|(key, _, value)| (key.to_owned(), value)).collect()
}

/// What is said of the variables that the messages use, as JSON Schemas.
fn schemas(tree: Tree<'static>, messages: &[Message], losses: &Losses) -> Map<String, Value> {
    let used: BTreeSet<String> = messages.iter().flat_map(|(_, text)| template::variables(text)).collect();
    let mut found = Map::new();
    for (name, node) in tree.get("inputs").map(inputs).unwrap_or_default() {
        if !used.contains(&name) {
            losses.ignored(node.line(), format!("inputs.{name}"), "no message uses it");
            continue;
        }
        let mut schema = Map::new();
        for (key, line, value) in node.entries() {
            let what = format!("inputs.{name}.{key}");
            match (key, value.value()) {
                ("name" | "sample" | "example", _) => {}
                ("type" | "kind", Value::String(kind)) => match kind.as_str() {
                    "string" | "number" | "integer" | "boolean" | "array" | "object" => {
                        schema.insert("type".into(), json!(kind));
                    }
                    _ => losses.dropped(line, what, "JSON Schema has no such type"),
                },
                ("description", Value::String(text)) if !text.trim().is_empty() => {
                    schema.insert("description".into(), json!(text));
                }
                ("required", Value::Bool(required)) => _ = schema.insert("required".into(), json!(required)),
                ("enum", Value::Array(values)) if !values.is_empty() => {
                    schema.insert("enum".into(), Value::Array(values));
                }
                ("default", default) => _ = schema.insert("default".into(), default),
                _ => losses.dropped(line, what, "this key of an input has no counterpart"),
            }
        }
        if schema.get("required") == Some(&json!(true)) && schema.contains_key("default") {
            schema.shift_remove("required");
        }
        let samples: Vec<Value> = ["default", "sample", "example"]
            .iter()
            .filter_map(|key| node.get(key))
            .map(Tree::value)
            .collect();
        let schema = fitting(schema, &samples, (node.line(), &name), losses);
        found.insert(name, Value::Object(schema));
    }
    found
}

/// The schema, where the input's own values fit it; else no more than its default.
fn fitting(
    schema: Map<String, Value>,
    values: &[Value],
    at: (u32, &str),
    losses: &Losses,
) -> Map<String, Value> {
    let mut bare = schema.clone();
    bare.retain(|key, _| key != "required" && key != "default");
    let bare = Value::Object(bare);
    if usable(&bare) && values.iter().all(|value| jsonschema::is_valid(&bare, value)) {
        return schema;
    }
    losses.dropped(at.0, format!("inputs.{}", at.1), "its own default or sample does not fit what it says");
    schema.into_iter().filter(|(key, _)| key == "default" || key == "description").collect()
}

/// The schema of the answer that `outputs` describes.
fn outputs(tree: Tree<'static>, target: &models::Target, losses: &Losses) -> Option<Value> {
    let node = tree.get("outputs")?;
    let mut properties = Map::new();
    for (name, field) in inputs(node) {
        let mut schema = Map::new();
        for (key, line, value) in field.entries() {
            match (key, value.value()) {
                ("name" | "required", _) => {}
                ("type" | "kind", Value::String(kind)) => _ = schema.insert("type".into(), json!(kind)),
                ("description" | "enum" | "items" | "properties", value) => {
                    _ = schema.insert(key.into(), value);
                }
                _ => losses.dropped(
                    line,
                    format!("outputs.{name}.{key}"),
                    "this key of an output has no counterpart",
                ),
            }
        }
        properties.insert(name, Value::Object(schema));
    }
    let names: Vec<&String> = properties.keys().collect();
    let schema =
        json!({"type": "object", "required": names, "additionalProperties": false, "properties": properties});
    models::output("json_schema", Some(schema), node.line(), target.api, losses)
}

/// The body by its role markers; without any, it is the system's.
fn split(body: &str, first: u32, mustache: bool, losses: &Losses) -> Vec<(String, String)> {
    let mut parts: Vec<(String, String, u32)> = Vec::new();
    let mut at = first;
    for line in body.lines() {
        let word = line.trim().trim_start_matches('#').trim();
        let role = word
            .strip_suffix(':')
            .map(str::to_lowercase)
            .map(|word| word.split('[').next().unwrap_or("").to_owned());
        match role.as_deref() {
            Some(role @ ("tool" | "function")) => {
                losses.dropped(
                    at,
                    format!("{role}:"),
                    "messages are the system's, the user's or the assistant's",
                );
                parts.push((String::new(), String::new(), at));
            }
            Some(role @ ("system" | "user" | "assistant" | "developer")) => {
                let role = if role == "developer" { "system" } else { role };
                parts.push((role.to_owned(), String::new(), at));
            }
            _ => {
                if parts.is_empty() {
                    parts.push(("system".to_owned(), String::new(), at));
                }
                if line.trim_start().starts_with("![") {
                    losses.dropped(at, "image", "only text can be sent");
                } else if let Some((_, text, _)) = parts.last_mut() {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
        at = at.saturating_add(1);
    }
    parts
        .into_iter()
        .map(|(role, text, line)| (role, text.trim().to_owned(), line))
        .filter(|(role, text, _)| !text.is_empty() && !role.is_empty())
        .map(|(role, text, line)| {
            let sections = mustache && ["{{#", "{{^", "{{>", "{{/"].iter().any(|mark| text.contains(mark));
            if sections {
                losses.approximated(
                    line,
                    "template",
                    "sections of Mustache were kept as plain text; write them as Jinja",
                );
            }
            let text = if mustache {
                template::only_names(&text, line, losses)
            } else {
                template::jinja(&text, line, losses)
            };
            (role, text)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_told_from_lines_that_only_name_one() {
        let losses = Losses::new("a.prompty");
        let found = split("system:\nBe brief.\n\nuser:\nThe user: {{q}}\n", 5, false, &losses);
        assert_eq!(json!(found), json!([["system", "Be brief."], ["user", "The user: {{q}}"]]));
    }
}
