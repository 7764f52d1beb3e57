//! One row of golden data, from a tree.

use super::cases::CaseRow;
use super::decode::{BAD_VALUE, Fields, Sink};
use super::dimensions;
use super::inputs::CONTEXT;
use super::providers::Providers;
use super::read_assert::{self, Scope};
use super::yaml::{Kind, Node};
use crate::domain::{Case, CaseId, Chunk, Digest};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Reads the case in `node`, which stands on `line` of the sink's file. Total: what is faulty is recorded and
/// left at its default, so that a row which was found sound reads the same again.
pub fn read(sink: &Sink, node: &Node, line: u32, providers: &Providers<'_>) -> CaseRow {
    let mut case = Case {
        id: CaseId::from(""),
        vars: Map::new(),
        expected: None,
        context: None,
        relevant: Vec::new(),
        tags: BTreeMap::new(),
        weight: 1.0,
        critical: false,
        file: sink.path().clone(),
        line,
    };
    let Some(fields) = sink.fields(node, "a case") else { return CaseRow { case, asserts: Vec::new() } };
    let id = fields.given("id").and_then(|node| sink.written(node, "`id`"));
    case.vars = vars(&fields);
    case.expected = fields.given("expected").map(|node| node.value());
    case.context = fields.given("context").map(|node| context(sink, node));
    let relevant = fields.given("relevant").map(|node| sink.texts(node, "`relevant`", false));
    case.relevant = relevant.unwrap_or_default().into_iter().map(source).collect();
    case.tags = fields.given("tags").map(|node| tags(sink, node)).unwrap_or_default();
    case.weight = fields.given("weight").and_then(|node| dimensions::weight(sink, node)).unwrap_or(1.0);
    case.critical =
        fields.given("critical").and_then(|node| sink.boolean(node, "`critical`")).unwrap_or(false);
    let asserts = fields
        .given("assert")
        .map(|node| read_assert::read(Scope { sink, files: None, providers }, node))
        .unwrap_or_default();
    fields.finish(false);
    case.id = CaseId::from(id.unwrap_or_else(|| content_id(node)));
    CaseRow { case, asserts }
}

/// The short hash of a row's content: the same for every order of keys, for `input` and `vars.input`, and
/// wherever the row stands.
/// A source as retrieval names it: `./kb/a.md` is `kb/a.md`.
fn source(written: String) -> String {
    let bare = written.trim_start_matches("./");
    if bare.is_empty() { written } else { bare.to_owned() }
}

fn content_id(node: &Node) -> String {
    let mut value = node.value();
    if let Value::Object(row) = &mut value
        && let Some(input) = row.shift_remove("input")
    {
        let vars = row.entry("vars").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(vars) = vars {
            vars.insert("input".to_owned(), input);
        }
    }
    Digest::of_json(&value).short()
}

fn vars(fields: &Fields<'_>) -> Map<String, Value> {
    let sink = fields.sink();
    let mut vars = Map::new();
    if let Some(entries) = fields.given("vars").and_then(|node| sink.fields(node, "`vars`")) {
        for (key, node) in entries.entries() {
            if key.text == CONTEXT {
                sink.error(
                    BAD_VALUE,
                    key.span,
                    "`context` cannot be a variable: templates see under it what was retrieved",
                    "move it to the case's own `context`, or rename it",
                );
            }
            vars.insert(key.text.clone(), node.value());
        }
    }
    if let Some(node) = fields.given("input") {
        if vars.contains_key("input") {
            sink.error(
                BAD_VALUE,
                fields.key_span("input"),
                "`input` stands both at the top and under `vars`",
                "keep one of them",
            );
        }
        vars.insert("input".to_owned(), node.value());
    }
    vars
}

fn context(sink: &Sink, node: &Arc<Node>) -> Vec<Chunk> {
    let items = sink.list(node, "`context`", false);
    items.into_iter().filter_map(|item| chunk(sink, item)).collect()
}

/// A text, or `{text, source, score, last_updated}`.
fn chunk(sink: &Sink, node: &Node) -> Option<Chunk> {
    if !matches!(node.kind, Kind::Map(_)) {
        let text = sink.text(node, "an item of `context`")?;
        return Some(Chunk { text, source: None, score: None, last_updated: None });
    }
    let fields = sink.fields(node, "an item of `context`")?;
    let text = fields.require("text", "\"…\"").and_then(|node| sink.text(node, "`text`"));
    let written = |key: &'static str| fields.given(key).and_then(|node| sink.written(node, key));
    let (source, last_updated) = (written("source"), written("last_updated"));
    let score = fields.given("score").and_then(|node| sink.number(node, "`score`"));
    fields.finish(false);
    Some(Chunk { text: text?, source, score, last_updated })
}

fn tags(sink: &Sink, node: &Node) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    let Some(fields) = sink.fields(node, "`tags`") else { return tags };
    for (key, node) in fields.entries() {
        if let Some(text) = sink.written(node, "a tag") {
            tags.insert(key.text.clone(), text);
        }
    }
    tags
}
