//! Prompty files, current and legacy: YAML between `---`, then the template with its role markers.

use super::models::Named;
use super::output::{self, Made, Prompt, Row, Whole};
use super::tree::{self, Tree};
use super::{Losses, Source, models, prompts, slug, template};
use crate::domain::{Error, Result};
use serde_json::{Map, Value};

/// Imports one file.
pub fn import(source: Source<'_>, base: &str, losses: &Losses) -> Result<Made> {
    let text = source.text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let (front, body) =
        text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---")).ok_or_else(|| {
            Error::input(format!("{} does not start with YAML between two lines of `---`", source.path))
        })?;
    let body = body.trim_start_matches('-').trim_start_matches('\n');
    // A leading line break puts the lines of the front matter where they stand in the file.
    let tree = tree::parse(source.path, &format!("\n{front}\n"))?;
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
    whole.prompts.push(Prompt { name: name.clone(), messages, line: body_line, description, author });
    whole.targets.push(target(tree, losses));
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
            "name" | "description" | "model" | "inputs" | "sample" | "authors" => {}
            "template" if !mustache => {}
            "version" | "tags" | "metadata" => {
                losses.dropped(line, key, "a free text; write it under `author` or `metadata`");
            }
            _ => losses.dropped(line, key, "this key has no counterpart"),
        }
    }
    output::files(source, &name, &mut whole, losses)
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
    let mut target = if deployment.is_some() {
        models::tested(Named::new(&format!("azure:{id}"), line), losses)
    } else {
        models::tested(Named::new(&id, line), losses)
    };
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
        match (source.read)(file).and_then(|text| tree::parse(file, &text).ok()).filter(|tree| tree.is_map())
        {
            Some(read) => {
                vars.extend(
                    read.entries().into_iter().map(|(key, _, value)| (key.to_owned(), value.value())),
                );
            }
            None => {
                losses.dropped(sample.line(), "sample", format!("`{file}` is not there, or is no mapping"));
            }
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
        .filter(|(_, text, _)| !text.is_empty())
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
    use serde_json::json;

    #[test]
    fn roles_are_told_from_lines_that_only_name_one() {
        let losses = Losses { path: "a.prompty".into(), found: std::cell::RefCell::default() };
        let found = split("system:\nBe brief.\n\nuser:\nThe user: {{q}}\n", 5, false, &losses);
        assert_eq!(json!(found), json!([["system", "Be brief."], ["user", "The user: {{q}}"]]));
    }
}
