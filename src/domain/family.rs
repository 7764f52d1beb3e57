//! Whether two models are of one family: a judge tends to favour answers of its own.

use serde::Deserialize;
use std::sync::LazyLock;

/// The family of a model, by its name: who trained it. `None` for a name that is not known, which is no evidence
/// that two models differ.
///
/// Routers and clouds put a path or a region before the name (`openrouter/anthropic/claude-…`,
/// `us.anthropic.claude-…`, `accounts/x/models/llama-…`); every part is looked at, the last first, so that the
/// model's own name counts before its host's.
pub fn family(model: &str) -> Option<&'static str> {
    let model = model.to_ascii_lowercase();
    let parts: Vec<&str> = model.split(['/', '.', ':', '@']).filter(|part| !part.is_empty()).collect();
    parts.iter().rev().find_map(|part| {
        TABLE
            .iter()
            .find(|row| row.names.iter().any(|name| starts_a_word(part, name)))
            .map(|row| row.family.as_str())
    })
}

/// Whether a judge and the model under test are known to be of one family.
pub fn same_family(judge: &str, model: &str) -> Option<&'static str> {
    family(judge).filter(|own| family(model) == Some(own))
}

/// Whether `part` begins with `prefix` as a name: what follows is its end, a sign, or a digit after a letter.
fn starts_a_word(part: &str, prefix: &str) -> bool {
    let numbered = prefix.ends_with(|c: char| c.is_ascii_digit());
    part.strip_prefix(prefix).is_some_and(|rest| {
        !rest.starts_with(|c: char| c.is_ascii_alphabetic() || (numbered && c.is_ascii_digit()))
    })
}

/// One family of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    family: String,
    names: Vec<String>,
    #[serde(rename = "source")]
    _source: String,
    #[serde(rename = "date")]
    _date: String,
}

static TABLE: LazyLock<Vec<Row>> =
    LazyLock::new(|| serde_yaml::from_str(include_str!("families.yaml")).unwrap_or_default());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read() {
        let rows: Vec<Row> = serde_yaml::from_str(include_str!("families.yaml")).expect("the table");
        let names: Vec<&String> = rows.iter().flat_map(|row| &row.names).collect();
        let unique: std::collections::BTreeSet<&&String> = names.iter().collect();
        assert!(names.len() > 30 && unique.len() == names.len(), "{names:?}");
        assert!(names.iter().all(|name| **name == name.to_lowercase()));
        assert!(rows.iter().all(|row| row._date.parse::<jiff::civil::Date>().is_ok()));
    }

    #[test]
    fn a_family_is_found_behind_hosts_and_regions() {
        for (model, expected) in [
            ("claude-opus-4-7-20260416", "anthropic"),
            ("us.anthropic.claude-sonnet-4-20250514-v1:0", "anthropic"),
            ("openrouter/openai/gpt-4o-2024-08-06", "openai"),
            ("o3-mini-2025-01-31", "openai"),
            ("ft:gpt-4o-mini-2024-07-18:acme::abc123", "openai"),
            ("models/gemini-2.5-pro", "google"),
            ("llama3.1:8b-instruct", "meta"),
            ("accounts/fireworks/models/qwen2p5-72b", "alibaba"),
            // DeepSeek's distilled Llama answers as what the name says first.
            ("deepseek-r1-distill-llama-70b", "deepseek"),
        ] {
            assert_eq!(family(model), Some(expected), "{model}");
        }
    }

    #[test]
    fn an_unknown_name_has_no_family_and_is_the_same_as_nothing() {
        for model in ["", "builtin/lexical", "our-model", "o11y", "commander-7b", "novalike", "philosophy"] {
            assert_eq!(family(model), None, "{model}");
        }
        assert_eq!(same_family("our-model", "our-model"), None);
        assert_eq!(same_family("claude-a", "gpt-b"), None);
        assert_eq!(same_family("claude-a", "anthropic/claude-b"), Some("anthropic"));
    }
}
