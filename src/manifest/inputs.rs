//! What goes into a prompt: declared inputs and few-shot examples.

use super::decode::{BAD_VALUE, Sink, closest};
use super::files::{Files, MANIFEST_LIMIT};
use super::jsonl;
use super::prompt::{FewShot, Input};
use super::schema;
use super::yaml::{Kind, Node};
use serde_json::Value;
use std::collections::BTreeMap;

/// The name under which a template sees what was retrieved.
pub const CONTEXT: &str = "context";

/// What an input may say: keywords of JSON Schema 2020-12, and its own `required` and `default`. A misspelt keyword
/// would hold every value, so that others are refused.
pub const KEYWORDS: &[&str] = &[
    "type",
    "required",
    "default",
    "description",
    "title",
    "enum",
    "const",
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "properties",
    "additionalProperties",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "anyOf",
    "oneOf",
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "examples",
    "$ref",
    "$defs",
    "$comment",
    "contentEncoding",
    "contentMediaType",
    "deprecated",
];

/// Reads `inputs`: JSON Schema properties, each with `required` and `default` of its own.
pub fn read(sink: &Sink, node: &Node) -> BTreeMap<String, Input> {
    let mut inputs = BTreeMap::new();
    let Some(fields) = sink.fields(node, "`inputs`") else { return inputs };
    for (key, node) in fields.entries() {
        let mut letters = key.text.chars();
        let named = letters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
            && letters.all(|c| c.is_alphanumeric() || c == '_');
        if !named || key.text == CONTEXT {
            sink.error(
                BAD_VALUE,
                key.span,
                format!("`{}` cannot be the name of an input", key.text),
                "use letters, digits and `_`; `context` is what was retrieved",
            );
        }
        if let Some(input) = input(sink, node) {
            inputs.insert(key.text.clone(), input);
        }
    }
    inputs
}

fn input(sink: &Sink, node: &Node) -> Option<Input> {
    if node.is_null() {
        return Some(Input { schema: Value::Object(serde_json::Map::new()), required: true, default: None });
    }
    let Kind::Map(entries) = &node.kind else {
        sink.wrong_type(node, "an input", "a JSON Schema");
        return None;
    };
    let mut schema = serde_json::Map::new();
    let (mut required, mut default) = (true, None);
    for (key, value) in entries {
        match key.text.as_str() {
            "required" => required = sink.boolean(value, "`required`").unwrap_or(true),
            "default" => default = Some(value),
            word => {
                if !KEYWORDS.contains(&word) && !word.starts_with("x-") {
                    let help = match closest(word, KEYWORDS.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "write a keyword of JSON Schema, such as `type` or `enum`".to_owned(),
                    };
                    let message = format!("unknown key `{word}` in an input");
                    sink.error(super::decode::UNKNOWN_KEY, key.span, message, help);
                }
                schema.insert(key.text.clone(), value.value());
            }
        }
    }
    let schema = Value::Object(schema);
    if !schema::compile(sink, node.span, &schema) {
        return None;
    }
    if let Some(default) = default
        && let Ok(validator) = schema::validator(&schema)
        && !validator.is_valid(&default.value())
    {
        sink.error(
            BAD_VALUE,
            default.span,
            "`default` does not fit the input's own schema",
            "correct one of them",
        );
    }
    let default = default.map(|node| node.value());
    Some(Input { schema, required: required && default.is_none(), default })
}

/// Reads the file of examples that `node` names.
pub fn few_shot(files: Files<'_>, node: &Node) -> Vec<FewShot> {
    let mut examples = Vec::new();
    let Some(path) = files.path(node, "`few_shot`") else { return examples };
    let Some(text) = files.text(&path, node.span, MANIFEST_LIMIT) else { return examples };
    let inner = Sink::new(&path);
    for row in jsonl::rows(&text) {
        let Some(tree) = jsonl::parse(&inner, &row) else { continue };
        let Some(fields) = inner.fields(&tree, "an example") else { continue };
        let text = |key: &'static str| {
            let node = fields.require(key, "\"…\"")?;
            inner.text(node, key).filter(|text| {
                let blank = text.trim().is_empty();
                if blank {
                    inner.error(BAD_VALUE, node.span, format!("`{key}` is empty"), "write the text");
                }
                !blank
            })
        };
        let (input, output) = (text("input"), text("output"));
        fields.finish(false);
        if let (Some(input), Some(output)) = (input, output) {
            examples.push(FewShot { input, output });
        }
    }
    if examples.is_empty() && !inner.has_errors() {
        files.sink.error(
            BAD_VALUE,
            node.span,
            format!("`{path}` holds no examples"),
            "write rows such as {\"input\": \"…\", \"output\": \"…\"}, or remove `few_shot`",
        );
    }
    files.adopt(inner);
    examples
}
