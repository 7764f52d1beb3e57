//! The one normaliser of token counts: `input` includes the cache, `output` includes reasoning.

use crate::domain::Usage;
use serde_json::Value;

fn count(usage: &Value, path: &str) -> Option<u64> {
    usage.pointer(path).and_then(Value::as_u64)
}

/// Adds what is known; `None` when nothing is.
fn sum(parts: &[Option<u64>]) -> Option<u64> {
    parts.iter().flatten().copied().reduce(u64::saturating_add)
}

/// Usage of Anthropic Messages, whose `input_tokens` leaves out what was read from or written to a cache.
pub fn anthropic(usage: &Value) -> Usage {
    let input = count(usage, "/input_tokens");
    let cached = count(usage, "/cache_read_input_tokens");
    let five_minutes = count(usage, "/cache_creation/ephemeral_5m_input_tokens");
    let one_hour = count(usage, "/cache_creation/ephemeral_1h_input_tokens");
    let cache_write = count(usage, "/cache_creation_input_tokens").or_else(|| sum(&[five_minutes, one_hour]));
    Usage {
        input: input.and_then(|input| sum(&[Some(input), cached, cache_write])),
        output: count(usage, "/output_tokens"),
        cached,
        cache_write,
        cache_write_1h: one_hour,
        reasoning: count(usage, "/output_tokens_details/thinking_tokens"),
    }
}

/// Usage of OpenAI Chat Completions, whose `prompt_tokens` includes the cache and whose `completion_tokens`
/// includes reasoning. Some compatible servers leave reasoning out: where the total is only reached with it,
/// or where there is more of it than output, it is added.
pub fn openai(usage: &Value) -> Usage {
    let input = count(usage, "/prompt_tokens");
    let reasoning = count(usage, "/completion_tokens_details/reasoning_tokens");
    let output = count(usage, "/completion_tokens").map(|output| {
        let reasoning = reasoning.unwrap_or(0);
        let with = output.saturating_add(reasoning);
        let total = count(usage, "/total_tokens");
        let reached_only_with = total == input.map(|input| input.saturating_add(with));
        if reasoning > output || (total.is_some() && reached_only_with) { with } else { output }
    });
    Usage {
        input,
        output,
        cached: count(usage, "/prompt_tokens_details/cached_tokens"),
        cache_write: count(usage, "/prompt_tokens_details/cache_write_tokens"),
        cache_write_1h: None,
        reasoning,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_cache_is_added_to_the_input_of_anthropic() {
        let usage = anthropic(&json!({
            "input_tokens": 10, "cache_read_input_tokens": 200, "cache_creation_input_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
            "output_tokens": 50, "output_tokens_details": {"thinking_tokens": 40}
        }));
        let expected = Usage {
            input: Some(240),
            output: Some(50),
            cached: Some(200),
            cache_write: Some(30),
            cache_write_1h: Some(10),
            reasoning: Some(40),
        };
        assert_eq!(usage, expected);
        let split_only = json!({"input_tokens": 1, "cache_creation": {"ephemeral_5m_input_tokens": 20}});
        assert_eq!(anthropic(&split_only).input, Some(21));
    }

    #[test]
    fn the_cache_is_part_of_the_input_of_openai() {
        let usage = openai(&json!({
            "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
            "prompt_tokens_details": {"cached_tokens": 80, "cache_write_tokens": 5},
            "completion_tokens_details": {"reasoning_tokens": 40}
        }));
        let expected = Usage {
            input: Some(100),
            output: Some(50),
            cached: Some(80),
            cache_write: Some(5),
            cache_write_1h: None,
            reasoning: Some(40),
        };
        assert_eq!(usage, expected);
    }

    #[test]
    fn reasoning_left_out_of_the_output_is_added() {
        let apart = json!({"prompt_tokens": 10, "completion_tokens": 50, "total_tokens": 100,
            "completion_tokens_details": {"reasoning_tokens": 40}});
        assert_eq!(openai(&apart).output, Some(90));
        let more = json!({"completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 40}});
        assert_eq!(openai(&more).output, Some(45));
        let without = json!({"prompt_tokens": 10, "completion_tokens": 5});
        assert_eq!(openai(&without).output, Some(5));
    }

    #[test]
    fn what_is_not_reported_is_unknown_and_never_zero() {
        assert_eq!(anthropic(&json!({})), Usage::default());
        assert_eq!(openai(&json!(null)), Usage::default());
        assert_eq!(anthropic(&json!({"cache_read_input_tokens": 5, "input_tokens": null})).input, None);
        assert_eq!(openai(&json!({"prompt_tokens": "many"})).input, None);
    }
}
