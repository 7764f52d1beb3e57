//! Secrets as a type that redacts itself, and the redactor that takes known secrets out of any text.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A value that must never be printed. Only [`Secret::expose`] gives it away.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<Arc<str>>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Values shorter than this are not looked for: `true` or `8080` would be found everywhere.
const SHORTEST: usize = 8;

/// Replaces every known secret value in a text by `[redacted NAME]`.
#[derive(Clone, Default)]
pub struct Redactor {
    /// What to look for and what to write instead, longest first, so that a key inside another does not
    /// leave the rest of the longer one behind.
    known: Vec<(Secret, String)>,
}

impl Redactor {
    /// A redactor that knows these secrets by their names. Values below eight bytes are left out.
    pub fn new(secrets: impl IntoIterator<Item = (String, Secret)>) -> Self {
        let mut known: Vec<(Secret, String)> = Vec::new();
        for (name, secret) in secrets {
            let value = secret.expose().trim();
            if value.len() < SHORTEST || known.iter().any(|(have, _)| have.expose() == value) {
                continue;
            }
            let label = format!("[redacted {name}]");
            let escaped = serde_json::Value::from(value).to_string();
            let escaped = escaped.trim_matches('"');
            if escaped != value {
                known.push((Secret::new(escaped), label.clone()));
            }
            known.push((Secret::new(value), label));
        }
        known.sort_by_key(|(secret, _)| std::cmp::Reverse(secret.expose().len()));
        Self { known }
    }

    /// The text without any known secret.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for (secret, label) in &self.known {
            if text.contains(secret.expose()) {
                text = Cow::Owned(text.replace(secret.expose(), label));
            }
        }
        text
    }

    /// The text in one line, without any known secret and not longer than `most` characters. It is cut after
    /// the secrets are out, so that no part of one is left at the end.
    pub fn line(&self, text: &str, most: usize) -> String {
        let clean = self.redact(text);
        let mut line = String::new();
        for word in clean.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty())
        {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        match line.char_indices().nth(most) {
            Some((at, _)) => format!("{}…", &line[..at]),
            None => line,
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} values)", self.known.len())
    }
}

/// Whether a variable or a parameter of this name usually holds a secret.
pub(super) fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let last = name.rsplit('_').next().unwrap_or_default();
    matches!(last, "KEY" | "APIKEY" | "TOKEN" | "PAT" | "PASS" | "PASSWD" | "PWD" | "CREDENTIALS" | "AUTH")
        || ["SECRET", "PASSWORD", "API_KEY", "APIKEY", "ACCESS_KEY", "PRIVATE_KEY", "TOKEN_"]
            .iter()
            .any(|part| name.contains(part))
}

/// Whether a value is at least so long and mixes letters and digits as keys do.
pub(super) fn looks_random(value: &str, least: usize) -> bool {
    value.len() >= least
        && !value.starts_with('/')
        && !value.contains(char::is_whitespace)
        && value.contains(|c: char| c.is_ascii_digit())
        && value.contains(|c: char| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(pairs: &[(&str, &str)]) -> Redactor {
        Redactor::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))))
    }

    #[test]
    fn a_secret_prints_as_nothing() {
        let secret = Secret::new("sk-very-secret");
        assert_eq!(format!("{secret} {secret:?}"), "[redacted] [redacted]");
        assert_eq!(format!("{:?}", redactor(&[("A", "sk-very-secret")])), "Redactor(1 values)");
    }

    #[test]
    fn known_values_leave_a_text_and_short_ones_do_not_shred_it() {
        let redactor = redactor(&[("SHORT", "true"), ("KEY", "sk-12345"), ("LONG", "sk-12345-678")]);
        assert_eq!(redactor.redact("true: sk-12345-678, sk-12345"), "true: [redacted LONG], [redacted KEY]");
        assert!(matches!(redactor.redact("nothing here"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_value_is_found_in_its_json_form_too() {
        let redactor = redactor(&[("KEY", "pass\"word\\1")]);
        assert_eq!(redactor.redact(r#"{"got": "pass\"word\\1"}"#), r#"{"got": "[redacted KEY]"}"#);
    }

    #[test]
    fn a_line_is_cut_after_the_secret_is_out() {
        let redactor = redactor(&[("KEY", "sk-123456789")]);
        assert_eq!(redactor.line("bad\nkey\t\u{1b}[31m sk-123456789", 24), "bad key [31m [redacted K…");
        assert_eq!(redactor.line("é\u{0}é", 3), "é é");
    }
}
