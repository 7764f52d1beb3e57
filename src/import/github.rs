//! `.prompt.yml` of GitHub Models.

use super::losses::Losses;
use super::models::Named;
use super::output::{self, Made, Prompt, Row, Whole};
use super::tree::{self, Tree};
use super::{Source, models, prompts, slug, template};
use crate::domain::Result;
use crate::manifest::project::Api;
use serde_json::{Map, Value, json};

/// Imports a prompt with its test data and evaluators.
pub fn import(source: Source<'_>, tree: Tree<'static>, base: &str, losses: &Losses) -> Result<Made> {
    let mut whole = Whole::default();
    // Only `{{name}}` means anything in these files, whatever Jinja would make of the rest.
    let messages = tree
        .get("messages")
        .map(Tree::items)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|item| {
            let (role, text) = prompts::said(item, losses)?;
            Some((role, template::only_names(&text, item.line(), losses)))
        })
        .collect();
    let messages = prompts::settled(messages, tree.line(), losses);
    if messages.is_empty() {
        return Ok(Made::default());
    }
    let name = tree.text_of("name").map_or_else(|| base.to_owned(), slug);
    let description = tree.text_of("description").map(str::to_owned).filter(|text| !text.trim().is_empty());
    let place = (tree.line(), losses.clone());
    whole.prompts.push(Prompt { description, ..Prompt::new(name.clone(), messages, place) });
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
    target.output = output_of(tree, target.api, losses).or(target.output);
    whole.targets.push(target);
    whole.rows = tree.get("testData").map(|node| rows(source, node, &whole, losses)).unwrap_or_default();
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

/// What `responseFormat` and `jsonSchema` ask of the answer.
fn output_of(tree: Tree<'_>, api: Api, losses: &Losses) -> Option<Value> {
    let schema = tree.get("jsonSchema");
    let Some(format) = tree.get("responseFormat") else {
        if let Some(schema) = schema {
            let why = "without `responseFormat: json_schema` the source does not send it";
            losses.ignored(schema.line(), "jsonSchema", why);
        }
        return None;
    };
    let format_line = format.line();
    let schema = schema.and_then(|node| match node.value() {
        Value::String(text) => match serde_json::from_str::<Value>(&text) {
            Ok(schema) => Some(schema),
            Err(error) => {
                losses.dropped(node.line(), "jsonSchema", format!("it is not JSON: {error}"));
                None
            }
        },
        other => Some(other),
    });
    let schema = schema.map(|schema| schema.get("schema").cloned().unwrap_or(schema));
    models::output(format.text().unwrap_or(""), schema, format_line, api, losses)
}

/// The rows of `testData`: written out, or in a file beside it.
fn rows(source: Source<'_>, node: Tree<'static>, whole: &Whole, losses: &Losses) -> Vec<Row> {
    let texts: Vec<String> =
        whole.prompts.iter().flat_map(|prompt| &prompt.messages).map(|(_, text)| text.clone()).collect();
    let one = |item: Tree<'_>, place: &Losses| {
        if !item.is_map() {
            place.dropped(item.line(), "testData", "a row that is no mapping");
            return None;
        }
        let mut vars: Map<String, Value> =
            item.entries().into_iter().map(|(key, _, value)| (key.to_owned(), value.value())).collect();
        let expected = vars.shift_remove("expected");
        let mut row = Row { vars, expected, ..Row::default() };
        row.settle(&texts, item.line(), place);
        Some(row)
    };
    let Some(named) = node.text() else {
        return node.items().into_iter().filter_map(|item| one(item, losses)).collect();
    };
    let file = named.strip_prefix("file://").unwrap_or(named);
    let text = match (source.read)(file) {
        Ok(text) => text,
        Err(why) => {
            losses.dropped(node.line(), format!("testData: {named}"), why);
            return Vec::new();
        }
    };
    let place = losses.in_file(file);
    let trees: Vec<(u32, Tree<'static>)> = if file.ends_with(".csv") {
        sheet(&text, &place)
    } else if file.ends_with(".jsonl") {
        lines(&text, &place)
    } else {
        let items = match tree::parse(&text) {
            Ok(tree) => tree.items(),
            Err(why) => {
                place.dropped(1, "testData", format!("a file that cannot be read: {why}"));
                Vec::new()
            }
        };
        return items.into_iter().filter_map(|item| one(item, &place)).collect();
    };
    trees.into_iter().filter_map(|(line, tree)| one(tree, &place.on_line(line))).collect()
}

/// The rows of a file with one on each line.
fn lines(text: &str, place: &Losses) -> Vec<(u32, Tree<'static>)> {
    let rows = (1..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty());
    let parsed = rows.filter_map(|(line, row)| match tree::parse(row) {
        Ok(tree) => Some((line, tree)),
        Err(why) => {
            place.dropped(line, "testData", format!("a row that cannot be read: {why}"));
            None
        }
    });
    parsed.collect()
}

/// The rows of a sheet with their lines.
fn sheet(text: &str, place: &Losses) -> Vec<(u32, Tree<'static>)> {
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let header: Vec<String> =
        reader.headers().map(|row| row.iter().map(str::to_owned).collect()).unwrap_or_default();
    let rows = reader.records().filter_map(|row| match row {
        Ok(row) => Some(row),
        Err(why) => {
            let line = why.position().map_or(0, csv::Position::line);
            let line = u32::try_from(line).unwrap_or(0);
            place.dropped(line, "testData", format!("a row that cannot be read: {why}"));
            None
        }
    });
    rows.filter_map(|row| {
        let line = row.position().and_then(|at| u32::try_from(at.line()).ok()).unwrap_or(0);
        let cells: Map<String, Value> =
            header.iter().zip(&row).map(|(name, cell)| (name.clone(), json!(cell))).collect();
        Some((line, tree::parse(&Value::Object(cells).to_string()).ok()?))
    })
    .collect()
}

fn evaluator(node: Tree<'_>, whole: &mut Whole, losses: &Losses) {
    let name = node.text_of("name").unwrap_or("evaluator");
    let dimension = slug(name);
    let dimension = if dimension == "reason" { "reasons".to_owned() } else { dimension };
    for (key, line, _) in node.entries() {
        if !["name", "string", "llm", "uses"].contains(&key) {
            losses.dropped(line, format!("evaluators.{key}"), "this key of an evaluator has no counterpart");
        }
    }
    let (string, judge) = (node.get("string"), node.get("llm"));
    if let Some(string) = string {
        compared(string, &dimension, whole, losses);
    }
    if let Some(judge) = judge {
        asked(judge, name, &dimension, whole, losses);
    }
    if (string.is_none() && judge.is_none()) || node.get("uses").is_some() {
        bundled(node, dimension, whole, losses);
    }
}

/// Comparisons with a text.
fn compared(string: Tree<'_>, metric: &str, whole: &mut Whole, losses: &Losses) {
    for (key, line, value) in string.entries() {
        let kind = match key {
            "contains" => "contains",
            "equals" => "equals",
            "startsWith" => "starts-with",
            _ => {
                let why = "no such comparison here; a `regex` can do it";
                losses.dropped(line, format!("string.{key}"), why);
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
        let rows_expect = !text.contains("expected") || whole.rows.iter().all(|row| row.expected.is_some());
        if known && rows_expect {
            let text = template::only_names(text, line, losses);
            whole.asserts.push(json!({"type": kind, "value": text, "metric": metric}));
        } else {
            losses.dropped(line, key, "it uses what not every test has");
        }
    }
}

/// What a model is asked.
fn asked(judge: Tree<'_>, name: &str, dimension: &str, whole: &mut Whole, losses: &Losses) {
    let line = judge.line();
    let part = |key: &str| judge.text_of(key).unwrap_or("").trim().to_owned();
    let text = format!("{}\n{}", part("systemPrompt"), part("prompt")).trim().to_owned();
    if text.is_empty() {
        return losses.dropped(line, name, "it asks nothing");
    }
    losses.approximated(
        line,
        name,
        "its choices became a dimension scored from 1 to 5; look at the text again",
    );
    match judge.get("modelId") {
        Some(id) if whole.judge.model.is_none() => {
            let named = Named::new(id.text().unwrap_or(""), id.line());
            whole.judge.model = Some(models::target(named, "builtin/lexical", losses));
        }
        Some(id) if whole.judge.named.as_deref() != id.text() => {
            losses.approximated(
                id.line(),
                "modelId",
                "one judge serves the whole suite: the first that was named",
            );
        }
        _ => {}
    }
    if whole.judge.named.is_none() {
        whole.judge.named = judge.text_of("modelId").map(str::to_owned);
    }
    whole.judge.dimensions.insert(dimension.to_owned(), json!({"description": text}));
}

/// An evaluator that comes with the tool.
fn bundled(node: Tree<'_>, dimension: String, whole: &mut Whole, losses: &Losses) {
    let uses = node.text_of("uses").unwrap_or("an evaluator");
    let asked = match uses {
        "github/similarity" => "Does the answer mean the same as the expected answer?",
        "github/relevance" => "Does the answer address the question?",
        "github/groundedness" => "Is everything that the answer says supported by the context?",
        "github/fluency" => "Is the answer well-formed and easy to read?",
        "github/coherence" => "Do the parts of the answer fit together?",
        _ => return losses.dropped(node.line(), uses, "no such evaluator here"),
    };
    losses.approximated(node.line(), uses, "it became a dimension with words of our own");
    whole.judge.dimensions.insert(dimension, json!({"description": asked}));
}
