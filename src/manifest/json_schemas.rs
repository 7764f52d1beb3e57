//! The JSON Schemas of every file, for editors and other tools. They say what a manifest may hold; what only its
//! neighbours tell (whether a file is there, whether a model is pinned) is left to `check`.

/// The kinds of files with their schemas, 2020-12, each whole by itself.
pub const SCHEMAS: &[(&str, &str)] = &[
    ("prompt", include_str!("schema/prompt.json")),
    ("retrieval", include_str!("schema/retrieval.json")),
    ("suite", include_str!("schema/suite.json")),
    ("judge", include_str!("schema/judge.json")),
    ("project", include_str!("schema/project.json")),
    ("case", include_str!("schema/case.json")),
    ("lock", include_str!("schema/lock.json")),
    ("deployment", include_str!("schema/deployment.json")),
];

/// The schema of files of this kind.
pub fn schema_of(kind: &str) -> Option<&'static str> {
    SCHEMAS.iter().find(|(have, _)| *have == kind).map(|(_, schema)| *schema)
}

/// Whether a manifest may hold this schema: it compiles, and refers to nothing outside itself.
pub fn usable(schema: &serde_json::Value) -> bool {
    super::schema::validator(schema).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::assert_names;
    use serde_json::Value;

    fn parsed(kind: &str) -> Value {
        serde_json::from_str(schema_of(kind).expect("a schema")).expect("JSON")
    }

    #[test]
    fn every_schema_compiles_and_says_what_it_is() {
        for (kind, text) in SCHEMAS {
            let schema: Value = serde_json::from_str(text).expect("JSON");
            jsonschema::draft202012::new(&schema).expect(kind);
            assert!(schema["description"].is_string(), "{kind}");
            for (key, property) in schema["properties"].as_object().into_iter().flatten() {
                let said = property.get("description").or_else(|| property.get("allOf"));
                assert!(
                    said.is_some() || property.get("default").is_some() || *kind == "deployment",
                    "{kind}.{key}"
                );
            }
        }
    }

    #[test]
    fn what_stands_in_several_schemas_is_the_same_in_each() {
        assert_eq!(parsed("suite")["$defs"]["assert"], parsed("case")["$defs"]["assert"]);
        assert_eq!(parsed("suite")["$defs"]["call"], parsed("case")["$defs"]["call"]);
        for key in ["parameters", "inputs", "budget", "messages", "model_target", "eval_score_required"] {
            assert_eq!(parsed("prompt")["properties"][key], parsed("judge")["properties"][key], "{key}");
        }
    }

    #[test]
    fn the_asserts_of_the_schema_are_those_that_there_are() {
        let mut listed: Vec<String> = parsed("case")["$defs"]["assert"]["properties"]["type"]["enum"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect();
        let mut known: Vec<String> =
            assert_names::TYPES.iter().flat_map(|name| [(*name).to_owned(), format!("not-{name}")]).collect();
        listed.sort();
        known.sort();
        assert_eq!(listed, known);
    }
}
