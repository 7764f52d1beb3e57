//! Tools that came, went or changed, and whether a caller written for the old ones would break.

use crate::domain::ToolDefinition;
use serde_json::Value;
use std::collections::BTreeSet;

/// What became of a tool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Whether it stands in the first, in the second.
    pub present: (bool, bool),
    /// Why whoever serves the calls would break; empty when nothing breaks.
    pub breaking: Vec<String>,
    /// What else changed.
    pub other: Vec<String>,
}

/// The tools that differ: those of the first list, then new ones, then a new order.
///
/// Breaking, for the program that serves a model's calls: a tool that is gone, a property that is gone or has
/// another type, a value that calls may now hold and could not, and a required property that is required no more.
pub fn compare(before: &[ToolDefinition], after: &[ToolDefinition]) -> Vec<Tool> {
    // As text: models read a schema in its own order of keys, which equality of values leaves out.
    let written = |tool: &ToolDefinition| tool.input_schema.to_string();
    let mut found = Vec::new();
    for old in before {
        match after.iter().find(|tool| tool.name == old.name) {
            None => found.push(Tool {
                name: old.name.clone(),
                present: (true, false),
                breaking: vec!["it is gone".to_owned()],
                other: Vec::new(),
            }),
            Some(new) if new != old || written(new) != written(old) => {
                found.push(changed(old, new));
            }
            Some(_) => {}
        }
    }
    for new in after.iter().filter(|new| before.iter().all(|old| old.name != new.name)) {
        let other = vec!["it is new: the program has to serve it".to_owned()];
        found.push(Tool { name: new.name.clone(), present: (false, true), breaking: Vec::new(), other });
    }
    let names = |tools: &[ToolDefinition]| tools.iter().map(|tool| tool.name.clone()).collect::<Vec<_>>();
    if found.is_empty() && names(before) != names(after) {
        let other = vec!["the tools stand in another order".to_owned()];
        found.push(Tool {
            name: names(after).join(", "),
            present: (true, true),
            breaking: Vec::new(),
            other,
        });
    }
    found
}

fn changed(old: &ToolDefinition, new: &ToolDefinition) -> Tool {
    let (mut breaking, mut other) = (Vec::new(), Vec::new());
    if old.description != new.description {
        other.push("its description changed".to_owned());
    }
    schema("", &old.input_schema, &new.input_schema, &mut breaking, &mut other);
    if breaking.is_empty() && other.is_empty() {
        other.push("its schema is written differently".to_owned());
    }
    Tool { name: old.name.clone(), present: (true, true), breaking, other }
}

fn schema(at: &str, old: &Value, new: &Value, breaking: &mut Vec<String>, other: &mut Vec<String>) {
    if old == new {
        return;
    }
    let shown = if at.is_empty() { "the arguments" } else { at };
    if old.get("type") != new.get("type") {
        let word = |value: &Value| value.get("type").map_or_else(|| "any".to_owned(), Value::to_string);
        breaking.push(format!("{shown}: type {} → {}", word(old), word(new)));
    }
    let values = |value: &Value| value.get("enum").and_then(Value::as_array).cloned();
    match (values(old), values(new)) {
        (Some(old), Some(new)) if new.iter().any(|value| !old.contains(value)) => {
            breaking.push(format!("{shown}: calls may hold values that they could not"));
        }
        (Some(_), None) => breaking.push(format!("{shown}: calls may hold any value now")),
        (old, new) if old != new => other.push(format!("{shown}: fewer values are allowed")),
        _ => {}
    }
    let required = |value: &Value| -> BTreeSet<String> {
        let list = value.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (was, is) = (required(old), required(new));
    let empty = serde_json::Map::new();
    let properties = |value: &'_ Value| value.get("properties").and_then(Value::as_object).cloned();
    let (before, after) =
        (properties(old).unwrap_or_else(|| empty.clone()), properties(new).unwrap_or(empty));
    for (name, value) in &before {
        let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        match after.get(name) {
            None => breaking.push(format!("{path}: it is gone")),
            Some(now) => {
                schema(&path, value, now, breaking, other);
                if was.contains(name) && !is.contains(name) {
                    breaking.push(format!("{path}: calls may leave it out"));
                } else if !was.contains(name) && is.contains(name) {
                    other.push(format!("{path}: calls always hold it"));
                }
                if value != now && value.get("description") != now.get("description") {
                    other.push(format!("{path}: its description changed"));
                }
            }
        }
    }
    for name in after.keys().filter(|name| !before.contains_key(*name)) {
        let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        other.push(format!("{path}: it is new"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tool(name: &str, schema: Value) -> ToolDefinition {
        ToolDefinition { name: name.into(), description: "d".into(), input_schema: schema }
    }

    fn only(before: Value, after: Value) -> Tool {
        compare(&[tool("t", before)], &[tool("t", after)]).remove(0)
    }

    #[test]
    fn what_breaks_the_program_is_told_from_what_does_not() {
        let base = json!({"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]});
        let gone = only(base.clone(), json!({"type": "object", "properties": {}, "required": []}));
        assert_eq!(gone.breaking, ["id: it is gone"]);
        let typed = json!({"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]});
        assert_eq!(only(base.clone(), typed).breaking, ["id: type \"string\" → \"integer\""]);
        let optional = json!({"type": "object", "properties": {"id": {"type": "string"}}});
        assert_eq!(only(base.clone(), optional).breaking, ["id: calls may leave it out"]);
        let more =
            json!({"type": "object", "properties": {"id": {"type": "string"}, "n": {}}, "required": ["id"]});
        let more = only(base.clone(), more);
        assert_eq!((more.breaking.len(), &more.other[..]), (0, &["n: it is new".to_owned()][..]));
        assert!(compare(&[tool("t", base.clone())], &[]).iter().all(|tool| !tool.breaking.is_empty()));
        assert_eq!(compare(&[tool("t", base.clone())], &[tool("t", base)]), []);
    }

    #[test]
    fn values_that_calls_could_not_hold_break() {
        let of = |values: Value| json!({"properties": {"unit": {"enum": values}}});
        assert!(!only(of(json!(["a"])), of(json!(["a", "b"]))).breaking.is_empty());
        assert!(only(of(json!(["a", "b"])), of(json!(["a"]))).breaking.is_empty());
    }
}
