//! JSON as an answer writes it: strict grammar, no duplicate keys, exact numbers.
//!
//! `serde_json` keeps the last of two equal keys and turns integers beyond 64 bits into floats. Neither may decide
//! an assert, so comparisons run over this type.

mod number;
mod parse;

pub use number::Decimal;
pub use parse::{Fault, FaultKind, MAX_DEPTH, parse, parse_prefix};

use serde_json::Value;

/// A JSON value whose numbers are exact and whose objects have no key twice.
#[derive(Clone, PartialEq, Debug)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, exact.
    Number(Decimal),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object, keys in the order of the text.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The member of an object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(have, _)| have == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// What it is, for messages.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// Whether both are the same JSON value: the order of keys is free, that of lists is not, `1` equals `1.0` and
    /// `1e0`, `true` does not equal `1`, integers of any size are exact, and text is compared without Unicode
    /// normalisation.
    pub fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(left), Self::List(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.equals(right))
            }
            (Self::Object(left), Self::Object(right)) => {
                left.len() == right.len() && covers(right, left, Self::equals)
            }
            _ => self == other,
        }
    }

    /// Whether this value is part of `whole`: every key that stands here stands there with a value that covers it;
    /// lists are equal in length and order; everything else is equal.
    pub fn is_part_of(&self, whole: &Self) -> bool {
        match (self, whole) {
            (Self::List(part), Self::List(whole)) => {
                part.len() == whole.len()
                    && part.iter().zip(whole).all(|(part, whole)| part.is_part_of(whole))
            }
            (Self::Object(part), Self::Object(whole)) => covers(whole, part, Self::is_part_of),
            _ => self == whole,
        }
    }

    /// The first place, as a JSON Pointer, at which `found` differs from this expected value, with both values.
    /// `partial` allows keys beyond those expected. `None` when nothing differs.
    pub fn difference(&self, found: &Self, partial: bool) -> Option<Difference> {
        let mut pointer = String::new();
        let (expected, found) = self.differs(found, partial, &mut pointer)?;
        Some(Difference { pointer, expected, found })
    }

    fn differs(
        &self,
        found: &Self,
        partial: bool,
        pointer: &mut String,
    ) -> Option<(Option<String>, Option<String>)> {
        match (self, found) {
            (Self::Object(expected), Self::Object(have)) => {
                for (key, value) in expected {
                    let length = pointer.len();
                    push_key(pointer, key);
                    match found.get(key) {
                        None => return Some((Some(value.to_string()), None)),
                        Some(other) => {
                            if let Some(found) = value.differs(other, partial, pointer) {
                                return Some(found);
                            }
                        }
                    }
                    pointer.truncate(length);
                }
                let extra = have.iter().find(|(key, _)| self.get(key).is_none()).filter(|_| !partial)?;
                push_key(pointer, &extra.0);
                Some((None, Some(extra.1.to_string())))
            }
            (Self::List(expected), Self::List(have)) if expected.len() == have.len() => {
                for (index, (expected, found)) in expected.iter().zip(have).enumerate() {
                    let length = pointer.len();
                    push_key(pointer, &index.to_string());
                    if let Some(found) = expected.differs(found, partial, pointer) {
                        return Some(found);
                    }
                    pointer.truncate(length);
                }
                None
            }
            _ if self == found => None,
            _ => Some((Some(self.to_string()), Some(found.to_string()))),
        }
    }
}

/// Where two values differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// JSON Pointer; empty at the root.
    pub pointer: String,
    /// What was expected there; `None` for a key that should not be there.
    pub expected: Option<String>,
    /// What was found there; `None` for a key that is missing.
    pub found: Option<String>,
}

fn push_key(pointer: &mut String, key: &str) {
    pointer.push('/');
    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
}

/// Whether every member of `part` has a partner in `whole`. Objects of models are small and mostly in the order that
/// was expected, so the partner is looked for at the same index first.
fn covers(whole: &[(String, Json)], part: &[(String, Json)], same: fn(&Json, &Json) -> bool) -> bool {
    part.iter().enumerate().all(|(index, (key, value))| {
        let beside = whole.get(index).filter(|(have, _)| have == key);
        beside
            .or_else(|| whole.iter().find(|(have, _)| have == key))
            .is_some_and(|(_, other)| same(value, other))
    })
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            // What `serde_json` prints is always a number of the grammar.
            Value::Number(number) => Decimal::parse(&number.to_string()).map_or(Self::Null, Self::Number),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(map) => {
                Self::Object(map.iter().map(|(key, value)| (key.clone(), Self::from(value))).collect())
            }
        }
    }
}

impl std::fmt::Display for Json {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{}", Value::String(text.clone())),
            Self::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (index, (key, value)) in members.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(f, "{comma}{}:{value}", Value::String(key.clone()))?;
                }
                f.write_str("}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Json {
        parse(text).expect(text)
    }

    #[test]
    fn equality_and_subset_match_the_reference() {
        let file: Value =
            serde_json::from_str(include_str!("../../../tests/vectors/metrics_json_equality.json"))
                .expect("vectors");
        for case in file["cases"].as_array().expect("cases") {
            let side = |key: &str| read(case["inputs"][key].as_str().expect("text"));
            let (expected, actual) = (side("expected_json"), side("actual_json"));
            let want = &case["expected"];
            assert_eq!(json!(expected.equals(&actual)), want["equal"], "{}", case["id"]);
            assert_eq!(json!(actual.equals(&expected)), want["equal"], "{}", case["id"]);
            assert_eq!(
                json!(expected.is_part_of(&actual)),
                want["expected_subset_of_actual"],
                "{}",
                case["id"]
            );
            assert_eq!(
                expected.difference(&actual, false).is_none(),
                expected.equals(&actual),
                "{}",
                case["id"]
            );
            assert_eq!(
                expected.difference(&actual, true).is_none(),
                expected.is_part_of(&actual),
                "{}",
                case["id"]
            );
        }
    }

    #[test]
    fn integers_of_any_size_are_exact() {
        assert!(!read("123456789012345678901234567890").equals(&read("123456789012345678901234567891")));
        assert!(read("123456789012345678901234567890").equals(&read("12345678901234567890123456789e1")));
        assert!(Json::from(&json!(u64::MAX)).equals(&read("18446744073709551615.000")));
        assert!(!Json::from(&json!(u64::MAX)).equals(&read("18446744073709551616")));
    }

    #[test]
    fn a_difference_names_its_place() {
        let difference = read(r#"{"a/b":[1,{"c":2}]}"#).difference(&read(r#"{"a/b":[1,{"c":3}]}"#), false);
        let difference = difference.expect("a difference");
        assert_eq!(difference.pointer, "/a~1b/1/c");
        assert_eq!((difference.expected.as_deref(), difference.found.as_deref()), (Some("2"), Some("3")));
        let extra = read("{}").difference(&read(r#"{"x":1}"#), false).expect("a difference");
        assert_eq!((extra.pointer.as_str(), extra.expected), ("/x", None));
    }
}
