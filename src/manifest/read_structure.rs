//! Reads asserts on the structure of an answer.

use super::assert::{ExpectedCall, JsonText, PathTest, StructureAssert};
use super::decode::{BAD_VALUE, Fields};
use super::read_assert::{Scope, bounds, required};
use super::schema;
use super::template::Template;
use super::yaml::{Kind, Node};
use crate::domain::Code;
use serde_json::Value;
use std::sync::Arc;

/// A JSON path that cannot be read.
pub const BAD_JSON_PATH: Code = Code("bad-json-path");

/// The tests of `json-path`.
const TESTS: &[&str] = &["equals", "contains", "matches", "gt", "gte", "lt", "lte", "exists", "length"];

/// Reads the assert `name`. In `source` a schema's path is replaced by the schema.
pub fn read(
    scope: Scope<'_>,
    fields: &Fields<'_>,
    name: &str,
    source: &mut Value,
) -> Option<StructureAssert> {
    match name {
        "is-json" => Some(StructureAssert::IsJson { schema: schema_of(scope, fields, source)? }),
        "contains-json" => Some(StructureAssert::ContainsJson { schema: schema_of(scope, fields, source)? }),
        "json-path" => json_path(scope, fields),
        "json-equals" => Some(StructureAssert::JsonEquals(json(scope, fields)?)),
        "json-subset" => {
            let value = json(scope, fields)?;
            if let JsonText::Json(Value::Object(map)) = &value
                && map.is_empty()
            {
                scope.no_effect(fields.key_span("value"), "every object has `{}` as a part", "name a key");
            }
            Some(StructureAssert::JsonSubset(value))
        }
        _ => Some(StructureAssert::ToolCall(calls(scope, fields)?)),
    }
}

/// The outer `None` stands for a fault.
fn schema_of(scope: Scope<'_>, fields: &Fields<'_>, source: &mut Value) -> Option<Option<Value>> {
    let Some(node) = fields.get("schema") else { return Some(None) };
    let schema = schema::read(scope.sink, scope.files, node, "`schema`")?;
    if let Value::Object(map) = source {
        map.insert("schema".to_owned(), schema.clone());
    }
    Some(Some(schema))
}

fn json(scope: Scope<'_>, fields: &Fields<'_>) -> Option<JsonText> {
    let node = match fields.even_null("value") {
        Some(node) => node,
        None => required(scope, fields, "value", "{\"status\": \"ok\"}")?,
    };
    json_text(scope, node)
}

fn json_text(scope: Scope<'_>, node: &Arc<Node>) -> Option<JsonText> {
    if scope.files.is_some() {
        let template = Template::from_node(scope.sink.path(), node);
        if let Some(template) = template.filter(Template::is_dynamic) {
            return Some(JsonText::Template(template));
        }
        if let Some(inner) = dynamic_part(node) {
            scope.sink.error(
                BAD_VALUE,
                inner.span,
                "a template inside a JSON value is not rendered",
                "write the whole value as one text, such as `value: '{\"id\": {{ id }}}'`",
            );
            return None;
        }
    }
    Some(JsonText::Json(node.value()))
}

fn dynamic_part(node: &Node) -> Option<&Node> {
    match &node.kind {
        Kind::Scalar(scalar) => ["{{", "{%"].iter().any(|mark| scalar.text.contains(mark)).then_some(node),
        Kind::List(items) => items.iter().find_map(|item| dynamic_part(item)),
        Kind::Map(items) => items.iter().find_map(|(_, item)| dynamic_part(item)),
    }
}

fn json_path(scope: Scope<'_>, fields: &Fields<'_>) -> Option<StructureAssert> {
    let sink = scope.sink;
    let path = required(scope, fields, "path", "$.items[0].id").and_then(|node| {
        let path = sink.written(node, "`path`")?;
        match serde_json_path::JsonPath::parse(&path) {
            Ok(_) => Some(path),
            Err(error) => {
                sink.error(
                    BAD_JSON_PATH,
                    node.span,
                    format!(
                        "this JSON path cannot be read: {} at character {}",
                        error.message(),
                        error.position()
                    ),
                    "write a path of RFC 9535, such as `$.items[0].id`",
                );
                None
            }
        }
    });
    let given: Vec<(&'static str, &Arc<Node>)> =
        TESTS.iter().filter_map(|key| fields.even_null(key).map(|node| (*key, node))).collect();
    let [(key, node)] = given[..] else {
        let (message, help) = if given.is_empty() {
            ("this `json-path` tests nothing", format!("add one of: {}", TESTS.join(", ")))
        } else {
            ("this `json-path` has more than one test", "write one assert for each".to_owned())
        };
        scope.no_effect(fields.span(), message, help);
        return None;
    };
    let number = || sink.number(node, key);
    let test = match key {
        "equals" => PathTest::Equals(json_text(scope, node)?),
        "contains" => PathTest::Contains(json_text(scope, node)?),
        "matches" => PathTest::Matches(scope.pattern(node, "`matches`")?),
        "gt" => PathTest::Gt(number()?),
        "gte" => PathTest::Gte(number()?),
        "lt" => PathTest::Lt(number()?),
        "lte" => PathTest::Lte(number()?),
        "exists" => PathTest::Exists(sink.boolean(node, "`exists`")?),
        _ => PathTest::Length(bounds(scope, node)?),
    };
    if matches!(&test, PathTest::Contains(JsonText::Json(Value::String(text))) if text.is_empty()) {
        scope.no_effect(node.span, "every text contains an empty one", "write the text that is expected");
    }
    Some(StructureAssert::JsonPath { path: path?, test })
}

fn calls(scope: Scope<'_>, fields: &Fields<'_>) -> Option<Vec<ExpectedCall>> {
    let node = required(scope, fields, "value", "{name: search}")?;
    let items = scope.sink.list(node, "`value`", true);
    if items.is_empty() {
        scope.no_effect(node.span, "`value` is an empty list", "name a tool, such as `value: search`");
        return None;
    }
    items.into_iter().map(|item| call(scope, item)).collect()
}

/// A tool's name, or `{name, arguments, schema}`.
fn call(scope: Scope<'_>, node: &Arc<Node>) -> Option<ExpectedCall> {
    let sink = scope.sink;
    if node.as_written().is_some() {
        return Some(ExpectedCall { name: sink.written(node, "`value`")?, arguments: None, schema: None });
    }
    let fields = sink.fields(node, "a tool call")?;
    let name = fields.require("name", "search").and_then(|node| sink.written(node, "`name`"));
    let arguments = fields.get("arguments").map(|node| json_text(scope, node));
    let schema = fields.get("schema").map(|node| schema::read(sink, None, node, "`schema`"));
    fields.finish(false);
    Some(ExpectedCall {
        name: name?,
        arguments: match arguments {
            Some(arguments) => Some(arguments?),
            None => None,
        },
        schema: match schema {
            Some(schema) => Some(schema?),
            None => None,
        },
    })
}
