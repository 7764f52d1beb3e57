//! Reading one value of a JSON Schema's type out of a text.

use regex::Regex;
use serde_json::{Number, Value};
use std::sync::LazyLock;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// A pattern of this file. A test compiles every one of them.
type Pattern = LazyLock<Option<Regex>>;

static NUMBER: Pattern = LazyLock::new(|| Regex::new(r"[-−]?\d+(?:[.,'’\u{a0}\u{202f}]\d+)*").ok());
static ISO_DATE: Pattern = LazyLock::new(|| Regex::new(r"\b(\d{4})-(\d{2})-(\d{2})\b").ok());
static DOTTED_DATE: Pattern = LazyLock::new(|| Regex::new(r"\b(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})\b").ok());
static DAY_MONTH: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)\b(\d{1,2})(?:st|nd|rd|th|\.)?(?:\s+of)?\s+([a-z]{3,9})\.?,?\s+(\d{4})\b").ok()
});
static MONTH_DAY: Pattern =
    LazyLock::new(|| Regex::new(r"(?i)\b([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})\b").ok());
static TIME: Pattern = LazyLock::new(|| Regex::new(r"\b([01]?\d|2[0-3]):([0-5]\d)\b").ok());
static EMAIL: Pattern = LazyLock::new(|| Regex::new(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+").ok());

/// Signs that stand for a currency code.
const CURRENCIES: [(&str, &str); 4] = [("€", "EUR"), ("$", "USD"), ("£", "GBP"), ("¥", "JPY")];

/// The type that a schema asks for, `null` aside.
pub(super) fn type_of(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(name)) => name,
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or("string")
        }
        _ => "string",
    }
}

/// Whether a text of this schema can be told from its surroundings by its shape.
pub(super) fn has_shape(schema: &Value) -> bool {
    let known = matches!(format_of(schema), "date" | "date-time" | "time" | "email");
    schema.get("enum").is_some() || schema.get("pattern").is_some() || known
}

fn format_of(schema: &Value) -> &str {
    schema.get("format").and_then(Value::as_str).unwrap_or("")
}

/// The first value in `text` that the schema takes.
pub(super) fn read(text: &str, schema: &Value) -> Option<Value> {
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
        return one_of(text, allowed);
    }
    match type_of(schema) {
        "number" => number(text).map(Value::Number),
        "integer" => number(text).filter(|number| !number.is_f64()).map(Value::Number),
        "boolean" => boolean(text).map(Value::Bool),
        "array" => list(text, schema.get("items").unwrap_or(&Value::Null)),
        "string" => string(text, schema).map(Value::String),
        _ => None,
    }
}

fn string(text: &str, schema: &Value) -> Option<String> {
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
        let inside = pattern.trim_start_matches('^').trim_end_matches('$');
        return Some(Regex::new(inside).ok()?.find(text)?.as_str().to_owned());
    }
    match format_of(schema) {
        "date" | "date-time" => date(text),
        "time" => {
            let found = TIME.as_ref()?.captures(text)?;
            Some(format!("{:0>2}:{}", &found[1], &found[2]))
        }
        "email" => Some(EMAIL.as_ref()?.find(text)?.as_str().to_owned()),
        _ => {
            let text = text.trim().trim_end_matches([',', ';']);
            (!text.is_empty()).then(|| text.to_owned())
        }
    }
}

/// The allowed word that stands first in the text, as a whole word and in either case; a currency's sign
/// stands for its code.
fn one_of(text: &str, allowed: &[Value]) -> Option<Value> {
    let lower = text.to_lowercase();
    let place = |word: &str| {
        let signs =
            CURRENCIES.iter().filter(|(_, code)| *code == word).filter_map(|(sign, _)| text.find(sign));
        whole_word(&lower, &word.to_lowercase()).into_iter().chain(signs).min()
    };
    allowed
        .iter()
        .filter_map(|value| Some((place(value.as_str()?)?, value)))
        .min_by_key(|(at, _)| *at)
        .map(|(_, value)| value.clone())
}

fn whole_word(text: &str, word: &str) -> Option<usize> {
    let inside = |c: char| c.is_alphanumeric();
    text.match_indices(word).map(|(at, _)| at).find(|&at| {
        !text[..at].chars().next_back().is_some_and(inside)
            && !text[at + word.len()..].chars().next().is_some_and(inside)
    })
}

/// The first number. Where `.` or `,` stands last and is not followed by three digits, it divides the fraction;
/// every other mark groups thousands: `1,234.50`, `1.234,50` and `1 234.50` are one number.
fn number(text: &str) -> Option<Number> {
    let found = NUMBER.as_ref()?.find(text)?.as_str().replace('−', "-");
    let last = found.rfind(['.', ',']);
    let mark = last.filter(|&at| {
        let other = found[..at].contains(['.', ',']);
        let repeated = found.matches(&found[at..=at]).count() > 1;
        !repeated && (found.len() - at - 1 != 3 || other || found.starts_with('0'))
    });
    let clean: String = found
        .char_indices()
        .filter_map(|(at, c)| match c {
            _ if Some(at) == mark => Some('.'),
            '-' | '0'..='9' => Some(c),
            _ => None,
        })
        .collect();
    let (whole, fraction) = clean.split_once('.').unwrap_or((&clean, ""));
    if fraction.trim_end_matches('0').is_empty() {
        return whole.parse::<i64>().ok().map(Number::from);
    }
    clean.parse::<f64>().ok().and_then(Number::from_f64)
}

fn boolean(text: &str) -> Option<bool> {
    let word: String =
        text.trim().chars().take_while(|c| c.is_alphabetic()).collect::<String>().to_lowercase();
    match word.as_str() {
        "yes" | "true" | "required" | "included" => Some(true),
        "no" | "false" | "none" | "not" => Some(false),
        _ => None,
    }
}

/// A date as ISO 8601: `2026-03-12`, `12 March 2026`, `March 12, 2026` or `12.3.2026`, whichever stands first.
fn date(text: &str) -> Option<String> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut take = |pattern: &Pattern, order: [usize; 3], named: bool| {
        let captures = pattern.as_ref()?.captures(text)?;
        let month = if named { month(&captures[order[1]])? } else { captures[order[1]].parse().ok()? };
        let day: u32 = captures[order[2]].parse().ok()?;
        if (1..=12).contains(&month) && (1..=31).contains(&day) {
            found.push((captures.get(0)?.start(), format!("{}-{month:02}-{day:02}", &captures[order[0]])));
        }
        Some(())
    };
    take(&ISO_DATE, [1, 2, 3], false);
    take(&DOTTED_DATE, [3, 2, 1], false);
    take(&DAY_MONTH, [3, 2, 1], true);
    take(&MONTH_DAY, [3, 1, 2], true);
    found.into_iter().min().map(|(_, date)| date)
}

fn month(word: &str) -> Option<u32> {
    let word = word.to_lowercase();
    let index = MONTHS.iter().position(|month| word.starts_with(month))?;
    u32::try_from(index + 1).ok()
}

/// Items between commas, semicolons, line ends and "and".
fn list(text: &str, items: &Value) -> Option<Value> {
    let read: Vec<Value> = text
        .replace(" and ", ",")
        .split([',', ';', '\n'])
        .filter_map(|item| read(item.trim(), items))
        .collect();
    (!read.is_empty()).then_some(Value::Array(read))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_pattern_compiles() {
        let all = [&NUMBER, &ISO_DATE, &DOTTED_DATE, &DAY_MONTH, &MONTH_DAY, &TIME, &EMAIL];
        assert!(all.iter().all(|pattern| pattern.is_some()));
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        let schema = json!({"type": "number"});
        for (text, number) in [
            ("EUR 1,234.50 incl. VAT", json!(1234.5)),
            ("1.234,50 €", json!(1234.5)),
            ("1,234", json!(1234)),
            ("1.234.567", json!(1_234_567)),
            ("0.125", json!(0.125)),
            ("12,5 kg", json!(12.5)),
            ("-3", json!(-3)),
            ("89.00", json!(89)),
        ] {
            assert_eq!(read(text, &schema), Some(number), "{text}");
        }
        assert_eq!(read("none", &schema), None);
        assert_eq!(read("2.5", &json!({"type": "integer"})), None);
    }

    #[test]
    fn dates_become_iso_dates() {
        let schema = json!({"type": ["string", "null"], "format": "date"});
        for text in ["2026-03-12", "12 March 2026", "March 12th, 2026", "12.03.2026", "on 12. Mar 2026."] {
            assert_eq!(read(text, &schema), Some(json!("2026-03-12")), "{text}");
        }
        assert_eq!(read("12 Foo 2026", &schema), None);
        assert_eq!(read("paid 2026-01-02, due March 12, 2026", &schema), Some(json!("2026-01-02")));
    }

    #[test]
    fn words_of_an_enum_stand_alone() {
        let schema = json!({"enum": ["low", "high", "EUR"]});
        assert_eq!(read("slow, then High", &schema), Some(json!("high")));
        assert_eq!(read("12 €, low", &schema), Some(json!("EUR")));
        assert_eq!(read("yellow", &schema), None);
    }

    #[test]
    fn shapes_and_lists_are_found() {
        assert_eq!(read("See INV-0042.", &json!({"pattern": "^INV-[0-9]+$"})), Some(json!("INV-0042")));
        assert_eq!(read("at 9:05 h", &json!({"format": "time"})), Some(json!("09:05")));
        assert_eq!(read("to a.b@c.example.", &json!({"format": "email"})), Some(json!("a.b@c.example")));
        assert_eq!(
            read("Ann, Bo and Cy", &json!({"type": "array", "items": {"type": "string"}})),
            Some(json!(["Ann", "Bo", "Cy"]))
        );
        assert_eq!(read("Yes, please", &json!({"type": "boolean"})), Some(json!(true)));
        assert_eq!(read("later", &json!({"type": "boolean"})), None);
    }
}
