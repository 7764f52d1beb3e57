//! JSON Schemas that manifests hold: they compile, and they refer to nothing outside themselves.

use super::breadth::{MOST, breadth};
use super::decode::Sink;
use super::files::Files;
use super::yaml::{Kind, Node};
use crate::domain::{Code, Span};
use serde_json::Value;
use std::sync::Arc;

/// A JSON Schema that cannot be used.
pub const BAD_SCHEMA: Code = Code("bad-schema");

/// Reads a schema that is written inline, or the path of a file that holds one. `files` is `None` for cases,
/// which name no files.
pub fn read(sink: &Sink, files: Option<Files<'_>>, node: &Arc<Node>, what: &str) -> Option<Value> {
    match (&node.kind, files) {
        (Kind::Scalar(scalar), Some(files)) if !matches!(scalar.value(), Value::Bool(_)) => {
            let (tree, inner) = files.tree(node, what)?;
            let sound = compile(&inner, tree.span, &tree.value());
            files.adopt(inner);
            sound.then(|| tree.value())
        }
        (Kind::Map(_), _) => {
            let schema = node.value();
            compile(sink, node.span, &schema).then_some(schema)
        }
        (_, files) => {
            let wanted = if files.is_some() { "a JSON Schema or the path of one" } else { "a JSON Schema" };
            sink.wrong_type(node, what, wanted);
            None
        }
    }
}

/// Whether `schema` compiles; if not, the error is recorded at `span`.
pub fn compile(sink: &Sink, span: Span, schema: &Value) -> bool {
    let fault = match validator(schema) {
        Ok(_) => return true,
        Err(fault) => fault,
    };
    sink.error(BAD_SCHEMA, span, format!("this JSON Schema cannot be used: {fault}"), "correct the schema");
    false
}

/// A validator of `schema`, which has to stand alone.
///
/// # Errors
/// What is wrong with it, in one line.
pub fn validator(schema: &Value) -> Result<jsonschema::Validator, String> {
    if let Some(outside) = outside_reference(schema, schema) {
        return Err(format!("`$ref: {outside}` refers to something outside of it"));
    }
    if breadth(schema) > MOST {
        return Err(format!(
            "its `anyOf`, `oneOf`, `allOf` and `$ref` hold one value to more than {MOST} schemas"
        ));
    }
    jsonschema::options().offline().build(schema).map_err(|error| {
        let at = error.instance_path().to_string();
        let text: String = error.to_string().chars().take(200).collect();
        if at.is_empty() { text } else { format!("{text} (at {at})") }
    })
}

/// A reference that neither starts with `#` nor names an `$id` of the schema itself.
fn outside_reference<'s>(root: &Value, value: &'s Value) -> Option<&'s str> {
    match value {
        Value::Array(items) => items.iter().find_map(|item| outside_reference(root, item)),
        Value::Object(map) => map.iter().find_map(|(key, value)| match value {
            Value::String(text) if key == "$ref" || key == "$dynamicRef" => {
                let target = text.split('#').next().unwrap_or("");
                (!target.is_empty() && !has_id(root, target)).then_some(text.as_str())
            }
            // Under these, `$ref` is data.
            _ if matches!(key.as_str(), "const" | "enum" | "default" | "examples") => None,
            value => outside_reference(root, value),
        }),
        _ => None,
    }
}

fn has_id(value: &Value, id: &str) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| has_id(item, id)),
        Value::Object(map) => map.iter().any(|(key, value)| {
            (key == "$id"
                && value.as_str().is_some_and(|have| have == id || have.ends_with(&format!("/{id}"))))
                || has_id(value, id)
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_stands_alone() {
        assert!(validator(&json!({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}})).is_ok());
        assert!(validator(&json!({"$id": "https://x.example/a", "$ref": "https://x.example/a"})).is_ok());
        for outside in ["https://x.example/b", "other.json", "file:///etc/passwd"] {
            let fault = validator(&json!({"properties": {"a": {"$ref": outside}}})).err();
            assert!(fault.is_some_and(|fault| fault.contains(outside)), "{outside}");
        }
        assert!(validator(&json!({"type": "strin"})).is_err());
        assert!(validator(&json!({"$ref": "#/nowhere"})).is_err());
        assert!(validator(&json!({"pattern": "("})).is_err());
    }
}
