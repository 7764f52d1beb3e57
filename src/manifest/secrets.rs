//! Secrets written out in manifests: an error, and never repeated in a message.

use super::decode::Sink;
use crate::domain::{Code, Diagnostic, Span};
use regex::{Regex, RegexSet};
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::LazyLock;

/// A secret that stands in a file of the repository.
pub const LITERAL_SECRET: Code = Code("literal-secret");

const HELP: &str = "revoke it, remove it, and name an environment variable instead: `api_key_env: NAME`, or `${NAME}` in headers";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    name: String,
    pattern: String,
    #[expect(dead_code, reason = "for the reader of the data file; a test holds that it is there")]
    source: String,
    #[expect(dead_code, reason = "for the reader of the data file; a test holds that it is there")]
    date: String,
}

struct Rules {
    names: Vec<String>,
    each: Vec<Regex>,
    set: RegexSet,
}

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let rows: Vec<Rule> = serde_yaml::from_str(include_str!("secrets.yaml")).unwrap_or_default();
    let (names, each): (Vec<_>, Vec<_>) =
        rows.into_iter().filter_map(|row| Some((row.name, Regex::new(&row.pattern).ok()?))).unzip();
    let set = RegexSet::new(each.iter().map(Regex::as_str)).unwrap_or_default();
    Rules { names, each, set }
});

/// Records every literal secret in the text of a manifest, comments included.
pub fn scan(text: &str, sink: &Sink) {
    let mut seen: Vec<std::ops::Range<usize>> = Vec::new();
    for index in RULES.set.matches(text) {
        for found in RULES.each[index].find_iter(text) {
            if seen.iter().any(|other| other.start < found.end() && found.start() < other.end) {
                continue;
            }
            seen.push(found.range());
            sink.error(
                LITERAL_SECRET,
                locate(text, found.range()),
                format!("what looks like a literal {} stands here", RULES.names[index]),
                HELP,
            );
        }
    }
}

fn locate(text: &str, range: std::ops::Range<usize>) -> Span {
    let count = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let text = if let Some(rest) = text.strip_prefix('\u{feff}') { (rest, 3) } else { (text, 0) };
    let (start, end) = (range.start.saturating_sub(text.1), range.end.saturating_sub(text.1));
    let before = &text.0[..start];
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().map_or(0, count);
    Span::new(u32::try_from(line).unwrap_or(u32::MAX - 1) + 1, column + 1, count(&text.0[start..end]))
}

/// Whether a key is one that usually holds a secret.
pub fn is_secret_key(key: &str) -> bool {
    let key = key.to_lowercase().replace(['-', '_', '.'], "");
    [
        "apikey",
        "token",
        "secret",
        "password",
        "passwd",
        "authorization",
        "credential",
        "accesskey",
        "subscriptionkey",
    ]
    .iter()
    .any(|word| key.contains(word))
}

/// Whether a value, meant for a key that holds a secret, has a literal part beside its `${NAME}`s that is
/// more than the word for a scheme, such as `Bearer`.
pub fn has_literal_part(value: &str) -> bool {
    static REFERENCE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}").ok());
    let Some(reference) = REFERENCE.as_ref() else { return true };
    if !reference.is_match(value) {
        return !value.trim().is_empty();
    }
    let rest = reference.replace_all(value, "");
    let rest = rest.trim().trim_end_matches(':');
    rest.len() > 16 || !rest.chars().all(|c| c.is_ascii_alphabetic() || c == '-')
}

/// Records that the value of `key` is a literal secret.
pub fn report_key(sink: &Sink, key: &str, span: Span) {
    sink.error(LITERAL_SECRET, span, format!("the value of `{key}` is written out as a literal"), HELP);
}

/// `text` with everything that looks like a secret replaced, for whatever shows lines of a manifest to people.
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut out = Cow::Borrowed(text);
    for index in RULES.set.matches(text) {
        out = Cow::Owned(RULES.each[index].replace_all(&out, "[redacted]").into_owned());
    }
    out
}

/// Takes secrets out of what other checks quote.
pub fn redact_all(diagnostics: &mut [Diagnostic]) {
    for found in diagnostics {
        for text in std::iter::once(&mut found.message).chain(found.help.as_mut()) {
            if let Cow::Owned(clean) = redact(text) {
                *text = clean;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RelPath;

    #[test]
    fn every_rule_of_the_data_file_is_in_force() {
        let rows: Vec<Rule> = serde_yaml::from_str(include_str!("secrets.yaml")).expect("the data file");
        assert_eq!((rows.len(), RULES.each.len()), (14, 14));
    }

    #[test]
    fn secrets_are_found_where_they_stand_and_never_repeated() {
        let tail = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7";
        for (prefix, name) in [
            ("sk-ant-api03-", "Anthropic"),
            ("sk-proj-", "OpenAI"),
            ("sk-", "OpenAI"),
            ("ghp_", "GitHub"),
            ("xoxb-", "Slack"),
            ("AIza", "Google"),
            ("hf_", "Hugging Face"),
            ("Bearer ", "bearer"),
        ] {
            let text = format!("a: 1\n# é {prefix}{tail}\n");
            let sink = Sink::new(&RelPath::root());
            scan(&text, &sink);
            let found = sink.into_found();
            assert_eq!(found.len(), 1, "{prefix}");
            assert!(found[0].message.contains(name), "{}", found[0].message);
            assert!(!format!("{found:?}").contains(tail));
            let span = found[0].place.as_ref().and_then(|place| place.span).expect("a span");
            assert_eq!((span.line, span.column), (2, 5));
            assert!(!redact(&text).contains(tail));
        }
        let sink = Sink::new(&RelPath::root());
        scan(
            "k: AKIAABCDEFGHIJKLMNOP\np: |\n  -----BEGIN RSA PRIVATE KEY-----\nu: https://me:hunter2@x.example\n",
            &sink,
        );
        assert_eq!(sink.into_found().len(), 3);
    }

    #[test]
    fn prose_and_references_are_no_secrets() {
        let sink = Sink::new(&RelPath::root());
        scan(
            "ask-questions, risk-management-for-everybody-here, Bearer ${TOKEN}, https://x.example:8080/a@b",
            &sink,
        );
        assert!(sink.into_found().is_empty());
        for fine in ["${KEY}", "Bearer ${TOKEN}", "Api-Key: ${A}", ""] {
            assert!(!has_literal_part(fine), "{fine}");
        }
        for literal in ["abc", "Bearer abc", "${A}abc123", "$KEY"] {
            assert!(has_literal_part(literal), "{literal}");
        }
        assert!(is_secret_key("X-Api-Key") && is_secret_key("Authorization") && !is_secret_key("User-Agent"));
    }
}
