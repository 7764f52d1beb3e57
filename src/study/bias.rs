//! Whether two models are of one family: a judge tends to favour answers of its own.

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
        FAMILIES.iter().find(|(prefix, _)| starts_a_word(part, prefix)).map(|(_, family)| *family)
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

/// How names begin, and who trained what is so named: the vendors' own naming of their models.
const FAMILIES: &[(&str, &str)] = &[
    ("claude", "anthropic"),
    ("anthropic", "anthropic"),
    ("gpt", "openai"),
    ("chatgpt", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding-3", "openai"),
    ("davinci", "openai"),
    ("openai", "openai"),
    ("gemini", "google"),
    ("gemma", "google"),
    ("palm", "google"),
    ("mistral", "mistral"),
    ("mixtral", "mistral"),
    ("ministral", "mistral"),
    ("magistral", "mistral"),
    ("codestral", "mistral"),
    ("devstral", "mistral"),
    ("pixtral", "mistral"),
    ("open-mistral", "mistral"),
    ("open-mixtral", "mistral"),
    ("mistralai", "mistral"),
    ("deepseek", "deepseek"),
    ("llama", "meta"),
    ("meta-llama", "meta"),
    ("codellama", "meta"),
    ("qwen", "alibaba"),
    ("qwq", "alibaba"),
    ("command", "cohere"),
    ("c4ai", "cohere"),
    ("grok", "xai"),
    ("phi", "microsoft"),
    ("nova", "amazon"),
    ("titan", "amazon"),
    ("jamba", "ai21"),
    ("kimi", "moonshot"),
    ("moonshot", "moonshot"),
    ("glm", "zhipu"),
    ("yi", "01-ai"),
];

#[cfg(test)]
mod tests {
    use super::*;

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
