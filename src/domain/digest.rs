//! Digests: SHA-256 over canonical JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;

/// `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of bytes as they are.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of text with `\r\n` and lone `\r` read as `\n`, so that a checkout with other line endings
    /// has the same digest.
    pub fn of_text(text: &str) -> Self {
        if text.contains('\r') {
            Self::of_bytes(text.replace("\r\n", "\n").replace('\r', "\n").as_bytes())
        } else {
            Self::of_bytes(text.as_bytes())
        }
    }

    /// The digest of the canonical JSON of `value`.
    pub fn of_json(value: &Value) -> Self {
        Self::of_bytes(canonical_json(value).as_bytes())
    }

    /// The first twelve hexadecimal digits, for people.
    pub fn short(&self) -> String {
        self.to_string()["sha256:".len()..][..12].to_owned()
    }
}

/// A digest of bytes that come one part after the other.
#[derive(Clone, Debug, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Adds a part.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all parts.
    pub fn digest(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// JSON with object keys sorted by code point, no white space, and `\n` line ends in strings.
///
/// Numbers are written as `serde_json` writes them, except that a float without a fraction is written as the
/// integer it equals (`1.0` and `1` are one number).
pub fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write_canonical(item, out);
            }
            out.push('}');
        }
    }
}

/// Canonical JSON of one object, written field by field: for what is digested so often that a [`Value`] of it would
/// cost more than the digest. It is canonical only if the fields come in the order of their names.
#[derive(Debug)]
pub struct CanonicalObject(String);

impl CanonicalObject {
    /// An object without fields.
    pub fn new() -> Self {
        Self(String::with_capacity(4096))
    }

    /// Adds a field with a value of any shape.
    #[must_use]
    pub fn value(mut self, name: &str, value: &Value) -> Self {
        self.name(name);
        write_canonical(value, &mut self.0);
        self
    }

    /// Adds a field with a text.
    #[must_use]
    pub fn text(mut self, name: &str, text: &str) -> Self {
        self.name(name);
        write_string(text, &mut self.0);
        self
    }

    /// Adds a field with a list of objects.
    #[must_use]
    pub fn objects(mut self, name: &str, items: impl Iterator<Item = CanonicalObject>) -> Self {
        self.name(name);
        self.0.push('[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            self.0.push_str(&item.end());
        }
        self.0.push(']');
        self
    }

    /// The digest of the object.
    pub fn digest(self) -> Digest {
        Digest::of_bytes(self.end().as_bytes())
    }

    fn name(&mut self, name: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        write_string(name, &mut self.0);
        self.0.push(':');
    }

    fn end(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }
}

impl Default for CanonicalObject {
    fn default() -> Self {
        Self::new()
    }
}

/// 2^53: below it every integer is exact as a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn write_number(number: &serde_json::Number, out: &mut String) {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT => {
            #[expect(clippy::cast_possible_truncation, reason = "an integer below 2^53")]
            let integer = float as i64;
            let _ = write!(out, "{integer}");
        }
        _ => {
            let _ = write!(out, "{number}");
        }
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    // Whatever needs no escape is copied in one piece.
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.push_str(&rest[..at]);
        let byte = rest.as_bytes()[at];
        rest = &rest[at + 1..];
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\r' => {
                rest = rest.strip_prefix('\n').unwrap_or(rest);
                out.push_str("\\n");
            }
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            control => {
                let _ = write!(out, "\\u{control:04x}");
            }
        }
    }
    out.push_str(rest);
    out.push('"');
}

const PREFIX: &str = "sha256:";

impl Digest {
    /// `sha256:` and the digits.
    fn written(&self) -> [u8; 71] {
        let mut text = [0; 71];
        text[..PREFIX.len()].copy_from_slice(PREFIX.as_bytes());
        for (pair, byte) in text[PREFIX.len()..].chunks_exact_mut(2).zip(self.0) {
            pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
            pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
        }
        text
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.written()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Why a text is not a digest.
#[derive(Debug, thiserror::Error)]
#[error("not a digest: expected \"sha256:\" and 64 hexadecimal digits")]
pub struct NotADigest;

impl std::str::FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let hex = text.strip_prefix("sha256:").ok_or(NotADigest)?.as_bytes();
        // One digest has one spelling, so that records can be compared as text.
        if hex.len() != 64 || hex.iter().any(u8::is_ascii_uppercase) {
            return Err(NotADigest);
        }
        let digit = |byte: u8| (byte as char).to_digit(16).ok_or(NotADigest);
        let mut bytes = [0u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).map_err(|_| NotADigest)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.written()).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn key_order_and_line_endings_do_not_move_a_digest() {
        let a: Value = serde_json::from_str(r#"{"b": 1.0, "a": "x\r\ny"}"#).expect("json");
        let b: Value = serde_json::from_str(r#"{"a": "x\ny", "b": 1}"#).expect("json");
        assert_eq!(Digest::of_json(&a), Digest::of_json(&b));
        assert_ne!(Digest::of_json(&a), Digest::of_json(&json!({"a": "x\ny", "b": true})));
        assert_ne!(Digest::of_json(&json!(["ab", "c"])), Digest::of_json(&json!(["a", "bc"])));
    }

    #[test]
    fn every_character_is_written_as_json_reads_it() {
        let text: String = (0..0x300).filter_map(char::from_u32).filter(|c| *c != '\r').collect();
        let written = canonical_json(&json!({"text": text, "\u{1}\"": "a\\b\u{1F600}"}));
        let read: Value = serde_json::from_str(&written).expect("json");
        assert_eq!(read, json!({"text": text, "\u{1}\"": "a\\b\u{1F600}"}));
        assert_eq!(canonical_json(&json!("a\r\nb\rc\r\r\n")), r#""a\nb\nc\n\n""#);
    }

    #[test]
    fn an_object_written_by_fields_is_the_canonical_one() {
        let message = |text| CanonicalObject::new().text("content", text).text("role", "user");
        let written = CanonicalObject::new()
            .value("data", &json!({"b": 1.0, "a": [null, "x\r\n"]}))
            .objects("messages", ["one", "t\"wo"].into_iter().map(message))
            .objects("none", std::iter::empty())
            .digest();
        let whole = json!({
            "none": [],
            "messages": [{"role": "user", "content": "one"}, {"role": "user", "content": "t\"wo"}],
            "data": {"a": [null, "x\n"], "b": 1},
        });
        assert_eq!(written, Digest::of_json(&whole));
        assert_eq!(CanonicalObject::default().digest(), Digest::of_json(&json!({})));
    }

    #[test]
    fn a_digest_reads_back_as_written() {
        let digest = Digest::of_bytes(b"");
        assert_eq!(
            digest.to_string(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(digest.to_string().parse::<Digest>().ok(), Some(digest));
        for bad in ["", "sha256:", "md5:e3b0", "sha256:zz"] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }
}
