//! JSON as the same tree as YAML: fast, strict, and with duplicate keys refused. Every node has the line of its
//! document as its place; who needs columns reads the text again as YAML.

use super::scalar::{Scalar, Style};
use super::yaml::{Key, Kind, MAX_KEYS, Node};
use crate::domain::Span;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::sync::Arc;

/// Why a text is not JSON.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Where.
    pub span: Span,
    /// A lower-case fragment.
    pub message: String,
    /// Whether it is a key that stands there twice.
    pub duplicate: bool,
}

const DUPLICATE: &str = "duplicate key ";

/// Parses one JSON document that starts on line `line` of its file.
///
/// # Errors
/// The first fault.
pub fn parse(text: &str, line: u32) -> Result<Node, Fault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = serde_json::Deserializer::from_str(text);
    let node = Build { span: Span::new(line, 1, 1) }.deserialize(&mut reader);
    node.and_then(|node| reader.end().map(|()| node)).map_err(|error| {
        let row = u32::try_from(error.line().saturating_sub(1)).unwrap_or(u32::MAX);
        let before: usize = error.column().saturating_sub(1);
        let on_line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or("");
        let column = on_line.char_indices().take_while(|(at, _)| *at < before).count();
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or("not JSON").to_owned();
        Fault {
            span: Span::new(line.saturating_add(row), u32::try_from(column).unwrap_or(u32::MAX - 1) + 1, 1),
            duplicate: message.starts_with(DUPLICATE),
            message,
        }
    })
}

struct Build {
    span: Span,
}

impl Build {
    fn scalar(&self, text: impl Into<String>, style: Style) -> Node {
        Node { span: self.span, kind: Kind::Scalar(Scalar { text: text.into(), style }) }
    }
}

impl<'de> DeserializeSeed<'de> for Build {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Build {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(self.scalar(if value { "true" } else { "false" }, Style::Plain))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(self.scalar(value.to_string(), Style::Plain))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(self.scalar(value.to_string(), Style::Plain))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(self.scalar(serde_json::Value::from(value).to_string(), Style::Plain))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(self.scalar(value, Style::Quoted))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(self.scalar(value, Style::Quoted))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(self.scalar("null", Style::Plain))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Build { span: self.span })? {
            items.push(Arc::new(item));
        }
        Ok(Node { span: self.span, kind: Kind::List(items) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items: Vec<(Key, Arc<Node>)> = Vec::new();
        while let Some(text) = access.next_key::<String>()? {
            if items.iter().any(|(key, _)| key.text == text) {
                return Err(A::Error::custom(format!("{DUPLICATE}`{text}`")));
            }
            if items.len() == MAX_KEYS {
                return Err(A::Error::custom(format!("a mapping of more than {MAX_KEYS} keys")));
            }
            let value = access.next_value_seed(Build { span: self.span })?;
            items.push((Key { text, span: self.span }, Arc::new(value)));
        }
        Ok(Node { span: self.span, kind: Kind::Map(items) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_tree_has_the_value_of_its_text() {
        let text =
            r#"{"a": [1, -2, 2.5, 1e300, true, null, "x\ud83d\ude00", ""], "b": {"c": "1", "d": "null"}}"#;
        let direct: Value = serde_json::from_str(text).expect("json");
        assert_eq!(parse(text, 1).expect("json").value(), direct);
    }

    #[test]
    fn a_fault_has_its_line_and_column_in_characters() {
        let fault = parse("{\"é\": 1,\n \"ë\": x}", 17).expect_err("a fault");
        assert_eq!(fault.span, Span::new(18, 7, 1));
        let fault = parse(r#"{"a": 1, "a": 2}"#, 3).expect_err("a fault");
        assert_eq!((fault.duplicate, fault.message.as_str()), (true, "duplicate key `a`"));
        assert_eq!(parse("[1] 2", 1).expect_err("a fault").message, "trailing characters");
        assert!(parse(&"[".repeat(100_000), 1).is_err());
        assert_eq!(parse(r#"{"a": 1}"#, 1).expect("json").value(), json!({"a": 1}));
    }
}
