//! Scalars of YAML: their style decides their type.

use serde_json::{Number, Value};

/// How a scalar was written: decides its type, and where its text stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// Without quotes: may be a number, a boolean or null.
    Plain,
    /// In single or double quotes: always text.
    Quoted,
    /// A `|` block: line n of the text stands on its own line of the file, after `indent` columns.
    Literal {
        /// Columns of indentation.
        indent: u32,
    },
    /// A `>` block: lines are joined, so that only the block as a whole has a place.
    Folded,
}

/// A scalar's text and how it was written.
#[derive(Clone, PartialEq, Debug)]
pub struct Scalar {
    /// The text, without quotes and with escapes resolved.
    pub text: String,
    /// How it was written.
    pub style: Style,
}

impl Scalar {
    /// Whether each line of the text stands on a line of its own in the file.
    pub fn is_line_by_line(&self) -> bool {
        matches!(self.style, Style::Literal { .. })
    }

    /// The value under YAML 1.2's core schema: only plain scalars are anything but text.
    pub fn value(&self) -> Value {
        if self.style != Style::Plain {
            return Value::String(self.text.clone());
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Value::Null,
            "true" | "True" | "TRUE" => Value::Bool(true),
            "false" | "False" | "FALSE" => Value::Bool(false),
            text => plain_number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
        }
    }
}

/// Decimal integers without a leading zero, `0x` and `0o` integers, and finite decimal floats.
fn plain_number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(hex) = text.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).ok().map(Number::from);
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return i64::from_str_radix(octal, 8).ok().map(Number::from);
    }
    let plain =
        digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    if !plain || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        if digits.len() > 1 && digits.starts_with('0') {
            return None;
        }
        let unsigned = text.strip_prefix('+').unwrap_or(text);
        return unsigned
            .parse::<i64>()
            .map(Number::from)
            .or_else(|_| unsigned.parse::<u64>().map(Number::from))
            .ok()
            .or_else(|| unsigned.parse().ok().and_then(Number::from_f64));
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}
