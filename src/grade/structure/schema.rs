//! JSON Schema.

use crate::grade::say;
use jsonschema::Validator;
use serde_json::Value;

/// A JSON Schema, compiled once.
#[derive(Debug)]
pub struct Schema(Validator);

impl Schema {
    /// Compiles `schema`: draft 2020-12 unless its `$schema` says otherwise. `format` is an annotation and not
    /// asserted; patterns are those of ECMA-262, in which `\w` and `\d` are ASCII. References reach inside the schema only, never a file or the network.
    ///
    /// # Errors
    /// A lower-case fragment that says why it is no schema.
    pub fn compile(schema: &Value) -> Result<Self, String> {
        jsonschema::options()
            .should_validate_formats(false)
            .build(schema)
            .map(Self)
            .map_err(|error| format!("its schema cannot be used: {}", say::line(&error.to_string(), 120)))
    }

    /// The first thing in `value` that does not fit, with its place; `None` when all fits.
    pub fn fault(&self, value: &Value) -> Option<String> {
        let error = self.0.validate(value).err()?;
        let place = error.instance_path().to_string();
        let message = say::line(&error.to_string(), 120);
        Some(if place.is_empty() { message } else { format!("{message} (at {})", say::line(&place, 50)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The vectors name a draft; ours is read from `$schema`, with 2020-12 as its default. The reference reads patterns as
    /// Python does, where `\w` is a letter of any script; JSON Schema has them read as ECMA-262 does.
    #[test]
    fn validity_is_what_the_reference_says() {
        let file: Value =
            serde_json::from_str(include_str!("../../../tests/vectors/metrics_json_schema.json"))
                .expect("vectors");
        for case in file["cases"].as_array().expect("cases") {
            let mut schema = case["inputs"]["schema"].clone();
            if case["inputs"]["draft"] == "draft-07" {
                schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
            }
            let fault = Schema::compile(&schema).expect("a schema").fault(&case["inputs"]["instance"]);
            let expected =
                if case["id"] == "pattern-unicode" { &json!(false) } else { &case["expected"]["valid"] };
            assert_eq!(&json!(fault.is_none()), expected, "{}: {fault:?}", case["id"]);
        }
    }

    #[test]
    fn what_is_no_schema_or_reaches_out_is_refused() {
        for schema in [
            json!({"type": "strin"}),
            json!({"$ref": "https://example.com/schema.json"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"$ref": "#/$defs/missing"}),
            json!({"pattern": "("}),
        ] {
            assert!(Schema::compile(&schema).is_err(), "{schema}");
        }
    }
}
