//! Token counts before anything is sent.

use crate::domain::{Message, ModelId, Request};
use std::sync::LazyLock;
use tiktoken_rs::CoreBPE;

/// A count of tokens, and whether it is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TokenCount {
    /// Tokens.
    pub tokens: u64,
    /// Whether the provider's tokenizer is not public, so that this is another vocabulary's count.
    pub estimate: bool,
}

/// Building a vocabulary takes a tenth of a second: once, and only when something is counted.
static CL100K: LazyLock<&'static CoreBPE> = LazyLock::new(tiktoken_rs::cl100k_base_singleton);
static O200K: LazyLock<&'static CoreBPE> = LazyLock::new(tiktoken_rs::o200k_base_singleton);

/// Tokens of a text in the vocabulary of `model`: exact for OpenAI's models, an estimate by `o200k_base` for
/// all others.
pub fn count(model: &ModelId, text: &str) -> TokenCount {
    let id = model.as_str();
    let older =
        ["gpt-4-", "gpt-3.5", "text-embedding"].iter().any(|prefix| id.starts_with(prefix)) || id == "gpt-4";
    let openai = older || ["gpt-", "chatgpt-", "o1", "o3", "o4"].iter().any(|prefix| id.starts_with(prefix));
    let vocabulary = if older { *CL100K } else { *O200K };
    let tokens = vocabulary.encode_ordinary(text).len();
    TokenCount { tokens: u64::try_from(tokens).unwrap_or(u64::MAX), estimate: !openai }
}

/// Tokens of a request's messages, tools and schema. What a provider adds around a message (about four tokens
/// each with OpenAI) is counted as four.
pub fn of_request(request: &Request) -> TokenCount {
    let mut total = of_messages(&request.model, &request.messages);
    let mut add = |text: &str| total.tokens += count(&request.model, text).tokens;
    for tool in &request.tools {
        add(&tool.name);
        add(&tool.description);
        add(&tool.input_schema.to_string());
    }
    if let Some(output) = &request.output {
        add(&output.schema.to_string());
    }
    total
}

/// Tokens of messages, with four for what stands around each.
pub fn of_messages(model: &ModelId, messages: &[Message]) -> TokenCount {
    let mut total = TokenCount { tokens: 0, estimate: count(model, "").estimate };
    for message in messages {
        total.tokens += count(model, &message.content).tokens + 4;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openai_is_counted_and_others_are_estimated() {
        assert_eq!(
            count(&ModelId::new("gpt-4o-2024-08-06"), "hello world"),
            TokenCount { tokens: 2, estimate: false }
        );
        assert_eq!(
            count(&ModelId::new("gpt-4-0613"), "hello world"),
            TokenCount { tokens: 2, estimate: false }
        );
        assert!(count(&ModelId::new("claude-opus-4-7-20260416"), "hello world").estimate);
    }
}
