//! How much of a JSON Schema one value is held to. What `anyOf` and its like name is tried on the same value, and a name
//! that stands in two of them is tried twice: thirty definitions of two lines each are a billion trials.

use serde_json::{Map, Value};
use std::collections::HashMap;

/// Trials of one value beyond which a schema is refused. Whatever people write stays far below.
pub(super) const MOST: u64 = 10_000;

/// Keys whose schemas are tried on the value itself.
const IN_PLACE: [&str; 11] = [
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependencies",
    "$ref",
    "$dynamicRef",
];

/// The most schemas that are tried on one value, wherever in it that value stands.
pub(super) fn breadth(schema: &Value) -> u64 {
    let mut named = HashMap::new();
    name(schema, &mut named);
    let mut count = Count { root: schema, named, known: HashMap::new() };
    let mut most = 0;
    count.everywhere(schema, &mut most);
    most
}

struct Count<'s> {
    root: &'s Value,
    /// Schemas by `$id` and `$anchor`.
    named: HashMap<String, &'s Value>,
    /// What was counted, by address; `None` while it is being counted, so that a schema that names itself ends.
    known: HashMap<*const Value, Option<u64>>,
}

impl<'s> Count<'s> {
    fn everywhere(&mut self, value: &'s Value, most: &mut u64) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.everywhere(item, most)),
            Value::Object(fields) => {
                *most = self.tried(value).max(*most);
                fields.values().for_each(|field| self.everywhere(field, most));
            }
            _ => {}
        }
    }

    /// The schema itself, and all that it names in place.
    fn tried(&mut self, schema: &'s Value) -> u64 {
        let Value::Object(fields) = schema else { return 1 };
        let key = std::ptr::from_ref(schema);
        if let Some(known) = self.known.get(&key) {
            return known.unwrap_or(1);
        }
        self.known.insert(key, None);
        let all = IN_PLACE.iter().filter_map(|key| Some((*key, fields.get(*key)?)));
        let sum = all.fold(1, |sum: u64, (key, field)| sum.saturating_add(self.inside(key, field)));
        self.known.insert(key, Some(sum));
        sum
    }

    fn inside(&mut self, key: &str, field: &'s Value) -> u64 {
        match field {
            Value::String(target) if key.starts_with('$') => {
                self.target(target).map_or(1, |schema| self.tried(schema))
            }
            Value::Array(schemas) => self.sum(schemas.iter()),
            Value::Object(schemas) if key.starts_with("depend") => self.sum(schemas.values()),
            schema => self.tried(schema),
        }
    }

    fn sum(&mut self, schemas: impl Iterator<Item = &'s Value>) -> u64 {
        schemas.fold(0, |sum: u64, schema| sum.saturating_add(self.tried(schema)))
    }

    fn target(&self, target: &str) -> Option<&'s Value> {
        match target.strip_prefix('#') {
            Some("") => Some(self.root),
            Some(path) if path.starts_with('/') => self.root.pointer(path),
            Some(anchor) => self.named.get(anchor).copied(),
            None => {
                let (id, rest) = target.split_once('#').unwrap_or((target, ""));
                let found = self.named.get(id.rsplit('/').next().unwrap_or(id)).copied()?;
                if rest.is_empty() { Some(found) } else { found.pointer(rest) }
            }
        }
    }
}

/// Collects what has a name of its own.
fn name<'s>(value: &'s Value, named: &mut HashMap<String, &'s Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| name(item, named)),
        Value::Object(fields) => {
            let text = |fields: &Map<String, Value>, key: &str| fields.get(key)?.as_str().map(str::to_owned);
            for key in ["$id", "$anchor", "$dynamicAnchor"] {
                if let Some(own) = text(fields, key) {
                    let own = own.trim_end_matches('#').rsplit('/').next().unwrap_or_default().to_owned();
                    named.insert(own, value);
                }
            }
            fields.values().for_each(|field| name(field, named));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Definitions that each name the one before twice.
    fn doubled(key: &str, levels: usize, refer: impl Fn(usize) -> Value) -> Value {
        let mut all = serde_json::Map::new();
        all.insert("d0".to_owned(), json!({"type": "string", "$anchor": "d0"}));
        for level in 1..=levels {
            let inner = [refer(level - 1), refer(level - 1)];
            all.insert(format!("d{level}"), json!({key: inner, "$anchor": format!("d{level}")}));
        }
        json!({"$defs": all, "properties": {"a": refer(levels)}})
    }

    #[test]
    fn what_doubles_at_each_level_is_broad_by_whatever_name() {
        for key in ["anyOf", "oneOf", "allOf"] {
            assert!(breadth(&doubled(key, 29, |n| json!({"$ref": format!("#/$defs/d{n}")}))) > MOST);
            assert!(breadth(&doubled(key, 29, |n| json!({"$ref": format!("#d{n}")}))) > MOST);
        }
        assert_eq!(breadth(&doubled("anyOf", 200, |n| json!({"$ref": format!("#/$defs/d{n}")}))), u64::MAX);
    }

    #[test]
    fn what_people_write_is_narrow_and_what_names_itself_ends() {
        assert_eq!(breadth(&json!(true)), 0);
        assert_eq!(breadth(&json!({"type": "object", "properties": {"a": {"type": "string"}}})), 1);
        assert_eq!(breadth(&json!({"anyOf": [{"type": "string"}, {"not": {"type": "null"}}]})), 4);
        let tree =
            json!({"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}, "allOf": [{"$ref": "#"}]});
        assert!(breadth(&tree) < 10);
        for schema in ["prompt", "suite", "project", "case"] {
            let text = crate::manifest::json_schemas::schema_of(schema).expect("a schema");
            let found = breadth(&serde_json::from_str(text).expect("JSON"));
            assert!(found < MOST / 10, "{schema}: {found}");
        }
    }
}
