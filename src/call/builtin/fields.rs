//! `builtin/extractive` where JSON is asked for: fills an object from the text.
//!
//! The text is what the case's variables say, as far as the messages show it. For each property of the schema:
//!
//! 1. A line `label: value` whose label is the property's name in words (`due_date`: "Due date"), or one of the
//!    labels that the property's `description` gives in backticks; else one whose label holds all words of the
//!    name. The value is read as the property's type: number, integer, boolean, a
//!    date in its usual forms as ISO 8601, a word of an `enum`, a match of a `pattern`, a list. A label
//!    without a value has the list items below it.
//! 2. Else, where the shape tells it (`enum`, `pattern`, a date, a time, an e-mail address), the first such value
//!    outside of the labelled lines; where it does not, a number in a sentence that holds all words of the name.
//! 3. Else `null` where the property is required or may be null, and no key where it is not.
//!
//! An object within the object is filled from the same text. Without a schema, every labelled line is a
//! property.

use super::{material, values, words};
use crate::domain::Request;
use serde_json::{Map, Value};

/// A labelled line: its label in stems, and what stands behind the colon.
struct Line {
    label: Vec<String>,
    written: String,
    value: String,
}

/// The text of a case, taken apart.
struct Document {
    lines: Vec<Line>,
    /// What is not in a labelled line.
    rest: String,
}

/// The answer to a request for JSON.
pub(super) fn answer(request: &Request) -> String {
    let document = Document::of(&material::document(request));
    let object = match &request.output {
        Some(output) => document.object(&output.schema),
        None => document.everything(),
    };
    Value::Object(object).to_string()
}

/// A name in words: `dueDate` and `due_date` are "due date".
fn spelled(name: &str) -> String {
    let mut out = String::new();
    let mut lower = false;
    for c in name.chars() {
        if c.is_uppercase() && lower {
            out.push(' ');
        }
        lower = c.is_lowercase();
        out.push(if c == '_' || c == '-' { ' ' } else { c });
    }
    out
}

fn stems(text: &str) -> Vec<String> {
    words::all(&spelled(text)).map(|word| words::stem(&word)).collect()
}

/// The texts in backticks.
fn labels(description: &str) -> impl Iterator<Item = &str> {
    description.split('`').skip(1).step_by(2)
}

impl Document {
    fn of(text: &str) -> Self {
        let (mut lines, mut rest): (Vec<Line>, String) = (Vec::new(), String::new());
        let mut open = false;
        for line in text.lines() {
            let trimmed = line.trim();
            let item = ["- ", "* ", "• "].iter().find_map(|mark| trimmed.strip_prefix(mark));
            let entry = item.unwrap_or(trimmed);
            let parts = entry.split_once(':').filter(|(label, value)| {
                let long = label.split_whitespace().count() > 5;
                let clock = label.ends_with(|c: char| c.is_ascii_digit());
                !long && !clock && !value.starts_with("//") && label.contains(char::is_alphabetic)
            });
            if let (Some((label, value)), false) = (parts, open && item.is_some()) {
                let (label, value) = (label.trim(), value.trim());
                open = value.is_empty();
                lines.push(Line { label: stems(label), written: label.to_owned(), value: value.to_owned() });
            } else if let (true, Some(item), Some(line)) = (open, item, lines.last_mut()) {
                line.value =
                    if line.value.is_empty() { item.into() } else { format!("{}\n{item}", line.value) };
            } else {
                open = false;
                rest.push_str(line);
                rest.push('\n');
            }
        }
        Self { lines, rest }
    }

    fn object(&self, schema: &Value) -> Map<String, Value> {
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let properties = schema.get("properties").and_then(Value::as_object);
        let mut object = Map::new();
        for (name, property) in properties.into_iter().flatten() {
            let found = if values::type_of(property) == "object" {
                Some(Value::Object(self.object(property)))
            } else {
                self.find(name, property)
            };
            match found {
                Some(value) => {
                    object.insert(name.clone(), value);
                }
                None if required.contains(&name.as_str()) || may_be_null(property) => {
                    object.insert(name.clone(), Value::Null);
                }
                None => {}
            }
        }
        object
    }

    fn find(&self, name: &str, property: &Value) -> Option<Value> {
        if let Some(constant) = property.get("const") {
            return Some(constant.clone());
        }
        let wanted = stems(name);
        let description = property.get("description").and_then(Value::as_str).unwrap_or("");
        let exact: Vec<Vec<String>> =
            std::iter::once(wanted.clone()).chain(labels(description).map(stems)).collect();
        let holds = |label: &[String], all: &[String]| all.iter().all(|word| label.contains(word));
        let read = |test: &dyn Fn(&[String]) -> bool| {
            let mut lines = self.lines.iter().filter(|line| !line.value.is_empty() && test(&line.label));
            lines.find_map(|line| values::read(&line.value, property))
        };
        read(&|label| exact.iter().any(|have| have == label))
            .or_else(|| read(&|label| holds(label, &wanted)))
            .or_else(|| self.unlabelled(&wanted, property))
    }

    fn unlabelled(&self, wanted: &[String], property: &Value) -> Option<Value> {
        if values::has_shape(property) {
            return values::read(&self.rest, property);
        }
        if !matches!(values::type_of(property), "number" | "integer") {
            return None;
        }
        words::sentences(&self.rest)
            .iter()
            .filter(|sentence| {
                let said: Vec<String> = words::all(sentence).map(|word| words::stem(&word)).collect();
                wanted.iter().all(|word| said.contains(word))
            })
            .find_map(|sentence| values::read(sentence, property))
    }

    fn everything(&self) -> Map<String, Value> {
        let lines = self.lines.iter().filter(|line| !line.value.is_empty());
        lines
            .map(|line| {
                let name: Vec<String> = words::all(&line.written).collect();
                (name.join("_"), Value::String(line.value.clone()))
            })
            .collect()
    }
}

fn may_be_null(property: &Value) -> bool {
    let among = |values: Option<&Value>, null: &Value| {
        values.and_then(Value::as_array).is_some_and(|values| values.contains(null))
    };
    let named = Value::from("null");
    let typed = property.get("type");
    typed == Some(&named) || among(typed, &named) || among(property.get("enum"), &Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::builtin::tests::request;
    use crate::domain::exchange::OutputSchema;
    use serde_json::json;

    fn filled(text: &str, schema: Value) -> Value {
        let mut request = request("builtin/extractive", "Extract.", text, json!({"vars": {"input": text}}));
        request.output = Some(OutputSchema { name: "invoice".into(), schema, strict: true });
        serde_json::from_str(&answer(&request)).expect("JSON")
    }

    #[test]
    fn labelled_lines_fill_properties_by_their_types() {
        let schema = json!({"type": "object", "required": ["vendor", "total"], "properties": {
            "vendor": {"type": "string", "description": "Who is paid: `From`"},
            "due_date": {"type": "string", "format": "date"},
            "total": {"type": "number"},
            "currency": {"enum": ["EUR", "USD"]},
            "paid": {"type": "boolean"},
            "attendees": {"type": "array", "items": {"type": "string"}},
            "note": {"type": ["string", "null"]},
            "discount": {"type": "number"}
        }});
        assert_eq!(
            filled(
                "Hello,\nFrom: Ada Ltd.\nDue date: 1 May 2026\nSubtotal: $5\nTotal amount: $1,200.50\nPaid: no\n\
                 Attendees:\n- Ann\n- Bo\nPrices are in EUR, thanks.",
                schema
            ),
            json!({"vendor": "Ada Ltd.", "due_date": "2026-05-01", "total": 1200.5, "currency": "EUR",
                   "paid": false, "attendees": ["Ann", "Bo"], "note": null})
        );
    }

    #[test]
    fn prose_gives_what_its_shape_tells_and_nothing_else() {
        let schema = json!({"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string"},
            "date": {"type": "string", "format": "date"},
            "seats": {"type": "integer"},
            "topic": {"type": "string"}
        }});
        assert_eq!(
            filled("We meet on March 3, 2026 at noon. There are 12 seats.", schema),
            json!({"name": null, "date": "2026-03-03", "seats": 12})
        );
    }

    #[test]
    fn a_text_that_no_message_shows_fills_nothing() {
        let mut lost =
            request("builtin/extractive", "Extract.", "Go.", json!({"vars": {"input": "Total: 5"}}));
        lost.json = true;
        assert_eq!(answer(&lost), "{}");
        lost.messages[1].content = "Mail:\nTotal: 5".to_owned();
        assert_eq!(answer(&lost), r#"{"total":"5"}"#);
    }
}
