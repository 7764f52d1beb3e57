//! Test cases of promptfoo: inline, and in CSV, JSONL, JSON and YAML files.

use super::asserts::is_known;
use super::losses::Losses;
use super::output::Row;
use super::tree::{self, Tree};
use super::{Source, slug};
use serde_json::{Map, Value, json};

/// A test before its asserts are converted.
#[derive(Clone, Debug)]
pub struct Test {
    /// The case.
    pub row: Row,
    /// Its `assert` entries.
    pub asserts: Vec<Tree<'static>>,
    /// Where it stands, in the text of `place`.
    pub line: u32,
    /// The text that it is from.
    pub place: Losses,
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
        return match (source.list)(file) {
            Ok(files) if files.is_empty() => losses.dropped(line, named, "no file fits this glob"),
            Ok(files) => files.iter().for_each(|file| from_file(source, file, line, defaults, losses, found)),
            Err(why) => losses.dropped(line, named, why),
        };
    }
    let ends = |ends: &[&str]| ends.iter().any(|end| file.ends_with(end));
    if !ends(&[".csv", ".jsonl", ".yaml", ".yml", ".json"]) {
        return losses.dropped(line, named, "tests made by a program; write down what it makes");
    }
    let text = match (source.read)(file) {
        Ok(text) => text,
        Err(why) => return losses.dropped(line, named, why),
    };
    let own = losses.in_file(file);
    if file.ends_with(".csv") {
        return from_csv(source, &text, defaults, &own, found);
    }
    if file.ends_with(".jsonl") {
        for (at, row) in (1..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty()) {
            match tree::parse(row) {
                Ok(tree) if tree.is_map() => found.extend(one(source, tree, defaults, &own.on_line(at))),
                _ => own.dropped(at, "tests", "a line that is no test"),
            }
        }
        return;
    }
    match tree::parse(&text) {
        Ok(tree) => {
            for item in tree.get("tests").unwrap_or(tree).items() {
                if item.is_map() {
                    found.extend(one(source, item, defaults, &own));
                } else {
                    own.dropped(item.line(), "tests", "an entry that is no test");
                }
            }
        }
        Err(fault) => own.dropped(fault.line, "tests", fault.to_string()),
    }
}

fn from_csv(
    source: Source<'_>,
    text: &str,
    defaults: &Map<String, Value>,
    losses: &Losses,
    found: &mut Vec<Test>,
) {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header: Vec<String> = reader
        .headers()
        .map(|row| row.iter().map(|name| name.trim().to_owned()).collect())
        .unwrap_or_default();
    columns(&header, losses);
    let mut count = 0;
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, |at| at.line());
                losses.dropped(u32::try_from(line).unwrap_or(0), "tests", "a row that cannot be read");
                continue;
            }
        };
        count += 1;
        let own = losses.on_line(line_of(text, &record));
        if record.iter().skip(header.len()).any(|cell| !cell.trim().is_empty()) {
            own.ignored(
                1,
                "tests",
                "cells behind the last column that has a name: the source reads none of them",
            );
        }
        let test = of_row(&header, &record);
        if let Ok(tree) = tree::parse(&test.to_string()) {
            found.extend(one(source, tree, defaults, &own));
        }
    }
    if count == 0 {
        losses.ignored(0, "tests", "a header and no test: the source runs one empty test and passes");
    }
}

/// The line on which a row starts. Its reader counts the empty lines before it as part of it.
pub fn line_of(text: &str, record: &csv::StringRecord) -> u32 {
    let Some(at) = record.position() else { return 0 };
    let rest = usize::try_from(at.byte()).ok().and_then(|byte| text.get(byte..)).unwrap_or_default();
    let empty = rest.chars().take_while(|c| matches!(c, '\n' | '\r')).filter(|c| *c == '\n').count();
    u32::try_from(at.line()).unwrap_or(0).saturating_add(u32::try_from(empty).unwrap_or(0))
}

/// What no cell of a column can be.
fn columns(header: &[String], losses: &Losses) {
    for (index, name) in header.iter().enumerate() {
        if name.is_empty() {
            losses.dropped(1, "tests", "a column without a name");
        } else if header[..index].contains(name) {
            losses.dropped(1, name, "two columns have this name; the last one was taken, as the source does");
        }
        let read = ["__description", "__metric"].contains(&name.as_str())
            || name.starts_with("__expected")
            || name.starts_with("__metadata:");
        if name.starts_with("__") && !read {
            losses.dropped(1, name, "this column has no counterpart");
        }
    }
}

/// The test in one row.
fn of_row(header: &[String], record: &csv::StringRecord) -> Value {
    let (mut vars, mut asserts, mut test) = (Map::new(), Vec::new(), Map::new());
    let (mut tags, mut metric) = (Map::new(), None::<String>);
    for (name, value) in header.iter().zip(record) {
        match name.as_str() {
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
            _ if name.is_empty() || name.starts_with("__") => {}
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
    Value::Object(test)
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
    let alone = ["is-json", "contains-json", "is-refusal", "latency", "cost"].contains(&kind);
    // Without a type of assert before it, a text is what the answer has to be.
    if !is_known(kind) || (value.is_empty() && !alone) {
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
            "description" => described(value, &mut row),
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
    let (line, place) = (node.line(), losses);
    rows.into_iter().map(|row| Test { row, asserts: asserts.clone(), line, place: place.clone() }).collect()
}

/// A description as the id. Where an id cannot hold it, it is a label too.
fn described(node: Tree<'_>, row: &mut Row) {
    let Some(text) = node.text().filter(|text| !text.trim().is_empty()) else { return };
    row.id = Some(text.to_owned());
    if !text.is_ascii() || text.chars().count() > slug(text).chars().count() + 8 {
        row.tags.insert("description".to_owned(), json!(text));
    }
}

/// Reads variables; `file://` values are the files' text.
pub fn vars(source: Source<'_>, node: Tree<'static>, into: &mut Map<String, Value>, losses: &Losses) {
    if !node.is_map() {
        return node.items().into_iter().for_each(|named| vars_of_file(source, named, into, losses));
    }
    for (key, line, value) in node.entries() {
        let name = format!("vars.{key}");
        let lost = |why: String| losses.dropped(line, &name, why);
        let value = match value.value() {
            Value::Array(items) => {
                let read = items.into_iter().filter_map(|item| text_of(source, item).map_err(lost).ok());
                Value::Array(read.flat_map(each).collect())
            }
            value => match text_of(source, value) {
                Ok(value) => value,
                Err(why) => {
                    lost(why);
                    continue;
                }
            },
        };
        if value.as_str().is_some_and(super::template::is_dynamic) {
            let how = "data is never rendered here; the braces reach the model as they stand";
            losses.approximated(line, &name, how);
        }
        into.insert(key.to_owned(), value);
    }
}

/// The texts of one entry of a list: a glob in it stands for several.
fn each(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => vec![other],
    }
}

/// The variables in a file of them.
fn vars_of_file(source: Source<'_>, node: Tree<'static>, into: &mut Map<String, Value>, losses: &Losses) {
    let Some(named) = node.text() else {
        return losses.dropped(node.line(), "vars", "an entry that names no file");
    };
    match source.mapping(named.strip_prefix("file://").unwrap_or(named)) {
        Ok(tree) => {
            into.extend(tree.entries().into_iter().map(|(key, _, value)| (key.to_owned(), value.value())));
        }
        Err(why) => losses.dropped(node.line(), named, why),
    }
}

/// A value; the text of a file where one is named, and of all where a glob is.
fn text_of(source: Source<'_>, value: Value) -> Result<Value, String> {
    let Some(file) = value.as_str().and_then(|text| text.strip_prefix("file://")) else { return Ok(value) };
    let no_text =
        [".js", ".py", ".ts", ".mjs", ".cjs", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".mp3", ".wav"];
    if no_text.iter().any(|end| file.ends_with(end)) {
        return Err(format!("`{file}` is no text"));
    }
    let text = |file: &str| (source.read)(file).map_err(|why| format!("`{file}`: {why}"));
    if file.contains('*') {
        let files = (source.list)(file)?;
        if files.is_empty() {
            return Err(format!("no file fits `{file}`"));
        }
        return files.iter().map(|file| text(file).map(Value::from)).collect();
    }
    text(file).map(Value::from)
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
