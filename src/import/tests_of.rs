//! Test cases of promptfoo: inline, and in CSV, JSONL, JSON and YAML files.

use super::output::Row;
use super::tree::{self, Tree};
use super::{Losses, Source};
use serde_json::{Map, Value, json};

/// A test before its asserts are converted.
#[derive(Clone, Debug)]
pub struct Test {
    /// The case.
    pub row: Row,
    /// Its `assert` entries.
    pub asserts: Vec<Tree<'static>>,
    /// Where it stands.
    pub line: u32,
}

/// What it means that an answer is not transformed.
pub const TRANSFORMED: &str =
    "the asserts saw the transformed answer there; here they see the answer itself: look at each of them";

/// Combinations of one test that are written out.
const MOST: usize = 1_000;

/// Every test of `tests`.
pub fn read(
    source: Source<'_>,
    node: Tree<'static>,
    defaults: &Map<String, Value>,
    losses: &Losses,
) -> Vec<Test> {
    let mut found = Vec::new();
    for item in node.items() {
        match item.text() {
            Some(file) => from_file(source, file, item.line(), defaults, losses, &mut found),
            None if item.is_map() => match item.text_of("path").filter(|_| item.get("vars").is_none()) {
                Some(file) => {
                    if let Some(config) = item.get("config") {
                        losses.dropped(
                            config.line(),
                            "tests.config",
                            "settings of what makes or reads the tests",
                        );
                    }
                    from_file(source, file, item.line(), defaults, losses, &mut found);
                }
                None => found.extend(one(source, item, defaults, losses)),
            },
            None => losses.dropped(item.line(), "tests", "an entry that is no test"),
        }
    }
    found
}

fn from_file(
    source: Source<'_>,
    named: &str,
    line: u32,
    defaults: &Map<String, Value>,
    losses: &Losses,
    found: &mut Vec<Test>,
) {
    let file = named.strip_prefix("file://").unwrap_or(named);
    if file.contains("://") {
        return losses.dropped(line, named, "nothing is fetched from the network; save the tests as a file");
    }
    if file.contains('*') {
        let files = (source.list)(file);
        if files.is_empty() {
            losses.dropped(line, named, "no file fits this glob");
        }
        return files.iter().for_each(|file| from_file(source, file, line, defaults, losses, found));
    }
    let text = (source.read)(file);
    let Some(text) = text else {
        return losses.dropped(line, named, "the tests are not there, or cannot be read here");
    };
    if file.ends_with(".csv") {
        return from_csv(source, file, &text, defaults, losses, found);
    }
    if file.ends_with(".jsonl") {
        for (index, row) in text.lines().enumerate().filter(|(_, row)| !row.trim().is_empty()) {
            match tree::parse(file, row) {
                Ok(tree) if tree.is_map() => found.extend(one(source, tree, defaults, losses)),
                _ => losses.dropped(line, format!("{file}:{}", index + 1), "a line that is no test"),
            }
        }
        return;
    }
    if [".yaml", ".yml", ".json"].iter().any(|end| file.ends_with(end)) {
        match tree::parse(file, &text) {
            Ok(tree) => {
                for item in tree.get("tests").unwrap_or(tree).items() {
                    if item.is_map() {
                        found.extend(one(source, item, defaults, losses));
                    } else {
                        losses.dropped(line, file, "an entry that is no test");
                    }
                }
            }
            Err(error) => losses.dropped(line, file, error.to_string()),
        }
        return;
    }
    losses.dropped(line, named, "tests made by a program; write down what it makes");
}

fn from_csv(
    source: Source<'_>,
    file: &str,
    text: &str,
    defaults: &Map<String, Value>,
    losses: &Losses,
    found: &mut Vec<Test>,
) {
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let header: Vec<String> = reader
        .headers()
        .map(|row| row.iter().map(|name| name.trim().to_owned()).collect())
        .unwrap_or_default();
    let mut count = 0;
    for record in reader.records() {
        let Ok(record) = record else {
            losses.dropped(0, file, "a row that cannot be read");
            continue;
        };
        count += 1;
        let (mut vars, mut asserts, mut test) = (Map::new(), Vec::new(), Map::new());
        let (mut tags, mut metric) = (Map::new(), None::<String>);
        for (name, value) in header.iter().zip(&record) {
            match name.as_str() {
                "" => {}
                "__description" => _ = test.insert("description".into(), json!(value)),
                _ if name.starts_with("__expected") => {
                    if !value.trim().is_empty() {
                        asserts.push(expected(value));
                    }
                }
                _ if name.starts_with("__metadata:") => {
                    let tag = name.trim_start_matches("__metadata:").trim_end_matches("[]");
                    if !tag.is_empty() && !value.trim().is_empty() {
                        tags.insert(tag.to_owned(), json!(value));
                    }
                }
                "__metric" => metric = Some(value.to_owned()).filter(|metric| !metric.trim().is_empty()),
                _ if name.starts_with("__") => {
                    losses.dropped(1, format!("{file}: {name}"), "this column has no counterpart");
                }
                _ => _ = vars.insert(name.clone(), json!(value)),
            }
        }
        if let Some(metric) = metric {
            asserts.iter_mut().for_each(|assert: &mut Value| assert["metric"] = json!(metric));
        }
        if !tags.is_empty() {
            test.insert("metadata".into(), Value::Object(tags));
        }
        test.insert("vars".into(), Value::Object(vars));
        test.insert("assert".into(), Value::Array(asserts));
        if let Ok(tree) = tree::parse(file, &Value::Object(test).to_string()) {
            found.extend(one(source, tree, defaults, losses));
        }
    }
    if count == 0 {
        losses.ignored(0, file, "it holds a header and no test: the source runs one empty test and passes");
    }
}

/// The assert of a cell of `__expected`.
fn expected(cell: &str) -> Value {
    let (kind, value) = cell.split_once(':').map_or((cell, ""), |(kind, value)| (kind.trim(), value.trim()));
    let (kind, threshold) = match kind.split_once('(') {
        Some((name, number)) => (name, number.trim_end_matches(')').parse::<f64>().ok()),
        None => (kind, None),
    };
    let kind = match kind {
        "grade" => "llm-rubric",
        "fn" | "eval" => "javascript",
        other => other,
    };
    let known = kind.len() < 40
        && !kind.is_empty()
        && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    if !known
        || (value.is_empty()
            && !["is-json", "contains-json", "is-refusal", "latency", "cost"].contains(&kind))
    {
        return json!({"type": "equals", "value": cell});
    }
    let mut assert = json!({"type": kind});
    if kind.starts_with("contains-a") || kind.starts_with("icontains-a") || !value.is_empty() {
        assert["value"] = json!(value);
    }
    if let Some(threshold) = threshold {
        assert["threshold"] = json!(threshold);
    }
    assert
}

/// One test, written out for every combination of its lists of values.
fn one(source: Source<'_>, node: Tree<'static>, defaults: &Map<String, Value>, losses: &Losses) -> Vec<Test> {
    let mut row = Row { vars: defaults.clone(), ..Row::default() };
    for (key, line, value) in node.entries() {
        match key {
            "vars" => vars(source, value, &mut row.vars, losses),
            "assert" => {}
            "description" => row.id = value.text().map(str::to_owned).filter(|id| !id.trim().is_empty()),
            "metadata" => {
                for (name, line, tag) in value.entries() {
                    if name == "conversationId" {
                        losses.dropped(line, "metadata.conversationId", "each case is asked by itself: what came before in the conversation has to stand in it");
                    }
                    if let Some(text) = tag.text().filter(|text| !text.trim().is_empty()) {
                        row.tags.insert(name.to_owned(), json!(text));
                    }
                }
            }
            "options" if value.is_map() => {
                for (name, line, _) in value.entries() {
                    match name {
                        "disableVarExpansion" => {}
                        "transform" | "postprocess" => losses.dropped(line, format!("tests.options.{name}"), TRANSFORMED),
                        "provider" => losses.dropped(line, "tests.options.provider", "one judge serves the whole suite"),
                        _ => losses.dropped(line, format!("tests.options.{name}"), "this option has no counterpart"),
                    }
                }
            }
            "threshold" => losses.dropped(line, "tests.threshold", "a share of one test's asserts; every assert must pass here, or `gate.asserts_required` of all"),
            "asserts" => losses.ignored(line, "tests.asserts", "a typing error for `assert`: the source checks nothing"),
            "expected" => row.expected = Some(value.value()),
            _ => losses.dropped(line, format!("tests.{key}"), "this key of a test has no counterpart"),
        }
    }
    let asserts = node.get("assert").map(Tree::items).unwrap_or_default();
    let expand =
        node.get("options").and_then(|options| options.text_of("disableVarExpansion")) != Some("true");
    let rows = if expand { combinations(row, node.line(), losses) } else { vec![row] };
    rows.into_iter().map(|row| Test { row, asserts: asserts.clone(), line: node.line() }).collect()
}

/// Reads variables; `file://` values are the files' text.
pub fn vars(source: Source<'_>, node: Tree<'static>, into: &mut Map<String, Value>, losses: &Losses) {
    if let Some(named) = node.text() {
        let file = named.strip_prefix("file://").unwrap_or(named);
        match (source.read)(file).and_then(|text| tree::parse(file, &text).ok()).filter(|tree| tree.is_map())
        {
            Some(tree) => {
                into.extend(
                    tree.entries().into_iter().map(|(key, _, value)| (key.to_owned(), value.value())),
                );
            }
            None => losses.dropped(node.line(), named, "the variables are not there, or are no mapping"),
        }
        return;
    }
    for (key, line, value) in node.entries() {
        let mut value = value.value();
        if let Some(file) = value.as_str().and_then(|text| text.strip_prefix("file://")) {
            match (source.read)(file).filter(|_| {
                ![".js", ".py", ".ts", ".pdf", ".png", ".jpg"].iter().any(|end| file.ends_with(end))
            }) {
                Some(text) => value = json!(text),
                None => {
                    losses.dropped(
                        line,
                        format!("vars.{key}"),
                        format!("`{file}` is not there, or is no text"),
                    );
                    continue;
                }
            }
        }
        if value.as_str().is_some_and(super::template::is_dynamic) {
            losses.approximated(
                line,
                format!("vars.{key}"),
                "data is never rendered here; the braces reach the model as they stand",
            );
        }
        into.insert(key.to_owned(), value);
    }
}

fn combinations(row: Row, line: u32, losses: &Losses) -> Vec<Row> {
    let lists: Vec<(String, Vec<Value>)> = row
        .vars
        .iter()
        .filter(|(name, _)| *name != "context")
        .filter_map(|(name, value)| {
            Some((
                name.clone(),
                value
                    .as_array()
                    .filter(|list| !list.is_empty() && list.iter().all(|item| !item.is_object()))?
                    .clone(),
            ))
        })
        .collect();
    let mut rows = vec![row];
    for (name, values) in lists {
        if rows.len().saturating_mul(values.len()) > MOST {
            losses.approximated(
                line,
                format!("vars.{name}"),
                format!("more than {MOST} combinations; its first value alone was taken"),
            );
            rows.iter_mut().for_each(|row| {
                _ = row.vars.insert(name.clone(), values.first().cloned().unwrap_or(Value::Null));
            });
            continue;
        }
        rows = rows
            .iter()
            .flat_map(|row| {
                values.iter().map(|value| {
                    let mut row = row.clone();
                    row.vars.insert(name.clone(), value.clone());
                    row
                })
            })
            .collect();
    }
    rows
}
