//! `.prompt.yml` of GitHub Models.

use super::models::Named;
use super::output::{self, Made, Prompt, Row, Whole};
use super::tree::Tree;
use super::{Losses, Source, models, prompts, slug, template};
use crate::domain::Result;
use serde_json::{Map, Value, json};

/// Imports a prompt with its test data and evaluators.
pub fn import(source: Source<'_>, tree: Tree<'static>, base: &str, losses: &Losses) -> Result<Made> {
    let mut whole = Whole::default();
    let quiet = Losses { path: losses.path.clone(), found: std::cell::RefCell::default() };
    let mut messages = Vec::new();
    for item in tree.get("messages").map(Tree::items).unwrap_or_default() {
        // Only `{{name}}` means anything in these files, whatever Jinja would make of the rest.
        if let (Some((role, _)), Some(text)) = (prompts::one(item, &quiet), item.text_of("content")) {
            messages.push((role, template::only_names(text, item.line(), losses)));
        } else {
            losses.dropped(item.line(), "messages", "a message without text, or of another role");
        }
    }
    let messages = prompts::settled(messages, tree.line(), losses);
    if messages.is_empty() {
        return Ok(Made::default());
    }
    let name = tree.text_of("name").map_or_else(|| base.to_owned(), slug);
    let description = tree.text_of("description").map(str::to_owned).filter(|text| !text.trim().is_empty());
    whole.prompts.push(Prompt { name: name.clone(), messages, line: tree.line(), description, author: None });
    let model = tree.get("model");
    let id = model.and_then(Tree::text).unwrap_or("(no model)");
    // A model of another vendor than these two is reached where these files are run.
    let vendor = id.split('/').next().unwrap_or("");
    let elsewhere = id.contains('/') && !["openai", "azure-openai", "anthropic"].contains(&vendor);
    let here = if elsewhere { format!("github:{id}") } else { id.trim_start_matches("azure-").to_owned() };
    let mut target = models::tested(Named::new(&here, model.map_or(0, Tree::line)), losses);
    if let Some(parameters) = tree.get("modelParameters") {
        models::parameters(parameters, &mut target, losses);
    }
    if let Some(format) = tree.get("responseFormat") {
        let schema = tree.get("jsonSchema").and_then(|node| match node.value() {
            Value::String(text) => serde_json::from_str::<Value>(&text).ok(),
            other => Some(other),
        });
        let schema = schema.map(|schema| schema.get("schema").cloned().unwrap_or(schema));
        target.output =
            models::output(format.text().unwrap_or(""), schema, format.line(), target.api, losses);
    }
    whole.targets.push(target);
    for item in tree.get("testData").map(Tree::items).unwrap_or_default() {
        let mut vars: Map<String, Value> =
            item.entries().into_iter().map(|(key, _, value)| (key.to_owned(), value.value())).collect();
        let expected = vars.shift_remove("expected");
        whole.rows.push(Row { vars, expected, ..Row::default() });
    }
    if whole.rows.is_empty() {
        losses.ignored(
            tree.get("testData").map_or(0, Tree::line),
            "testData",
            "there is no test; no suite was written",
        );
    }
    for item in tree.get("evaluators").map(Tree::items).unwrap_or_default() {
        evaluator(item, &mut whole, losses);
    }
    for (key, line, _) in tree.entries() {
        if ![
            "name",
            "description",
            "model",
            "modelParameters",
            "messages",
            "responseFormat",
            "jsonSchema",
            "testData",
            "evaluators",
        ]
        .contains(&key)
        {
            losses.dropped(line, key, "this key has no counterpart");
        }
    }
    output::files(source, &name, &mut whole, losses)
}

fn evaluator(node: Tree<'_>, whole: &mut Whole, losses: &Losses) {
    let name = node.text_of("name").unwrap_or("evaluator");
    let (line, dimension) = (node.line(), slug(name));
    let dimension = if dimension == "reason" { "reasons".to_owned() } else { dimension };
    if let Some(string) = node.get("string") {
        for (key, line, value) in string.entries() {
            let kind = match key {
                "contains" => "contains",
                "equals" => "equals",
                "startsWith" => "starts-with",
                _ => {
                    losses.dropped(
                        line,
                        format!("string.{key}"),
                        "no such comparison here; a `regex` can do it",
                    );
                    continue;
                }
            };
            let Some(text) = value.text().filter(|text| !text.is_empty()) else {
                losses.dropped(line, key, "it compares with nothing");
                continue;
            };
            let known = template::variables(text)
                .iter()
                .all(|name| name == "expected" || whole.rows.iter().all(|row| row.vars.contains_key(name)));
            let rows_expect =
                !text.contains("expected") || whole.rows.iter().all(|row| row.expected.is_some());
            if known && rows_expect {
                whole.asserts.push(json!({"type": kind, "value": template::only_names(text, line, losses), "metric": dimension}));
            } else {
                losses.dropped(line, key, "it uses what not every test has");
            }
        }
    } else if let Some(judge) = node.get("llm") {
        let prompt = judge.text_of("prompt").unwrap_or("").trim();
        let system = judge.text_of("systemPrompt").unwrap_or("").trim();
        let text = format!("{system}\n{prompt}").trim().to_owned();
        if text.is_empty() {
            return losses.dropped(line, name, "it asks nothing");
        }
        losses.approximated(
            line,
            name,
            "its choices became a dimension scored from 1 to 5; look at the text again",
        );
        if let (Some(id), None) = (judge.get("modelId"), &whole.judge.model) {
            whole.judge.model = Some(models::target(
                Named::new(id.text().unwrap_or(""), id.line()),
                "builtin/lexical",
                losses,
            ));
        }
        whole.judge.dimensions.insert(dimension, json!({"description": text}));
    } else {
        let uses = node.text_of("uses").unwrap_or("an evaluator");
        let asked = match uses {
            "github/similarity" => "Does the answer mean the same as the expected answer?",
            "github/relevance" => "Does the answer address the question?",
            "github/groundedness" => "Is everything that the answer says supported by the context?",
            "github/fluency" => "Is the answer well-formed and easy to read?",
            "github/coherence" => "Do the parts of the answer fit together?",
            _ => return losses.dropped(line, uses, "no such evaluator here"),
        };
        losses.approximated(line, uses, "it became a dimension with words of our own");
        whole.judge.dimensions.insert(dimension, json!({"description": asked}));
    }
}
