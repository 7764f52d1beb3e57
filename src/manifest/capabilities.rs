//! What each API can take of the provider-neutral parameters, in one place.

use super::project::Api;
use crate::domain::Parameters;
use crate::domain::parameters::ReasoningEffort;

/// The parameters that an API has no field for. Messages takes no seed and no penalties; Chat Completions takes
/// no `top_k`; the models of this binary take nothing; programs get everything and decide for themselves.
fn missing(api: Api) -> &'static [&'static str] {
    match api {
        Api::Anthropic => &["seed", "frequency_penalty", "presence_penalty"],
        Api::OpenAi => &["top_k"],
        Api::Exec | Api::Http => &[],
        Api::Builtin => &[
            "temperature",
            "top_p",
            "top_k",
            "max_tokens",
            "stop",
            "seed",
            "frequency_penalty",
            "presence_penalty",
            "reasoning_effort",
        ],
    }
}

/// The set parameters that `api` cannot take, in a fixed order. An input error for every API but the
/// built-in one, whose models are deterministic and ignore them, which is a warning.
pub fn unsupported(api: Api, parameters: &Parameters) -> Vec<&'static str> {
    let missing = missing(api);
    // The effort of Messages starts at `low`.
    let below = api == Api::Anthropic
        && matches!(parameters.reasoning_effort, Some(ReasoningEffort::None | ReasoningEffort::Minimal));
    let refused = |name: &str| missing.contains(&name) || (below && name == "reasoning_effort");
    parameters.names().into_iter().filter(|name| refused(name)).collect()
}

/// The highest temperature that `api` takes.
pub fn max_temperature(api: Api) -> f64 {
    if api == Api::Anthropic { 1.0 } else { 2.0 }
}

/// Whether `api` takes a tool of this name; its own words for the rule where it does not.
pub fn refuses_tool_name(api: Api, name: &str) -> Option<&'static str> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    match api {
        Api::Anthropic if !plain || name.len() > 128 => Some("1 to 128 of A-Z a-z 0-9 _ -"),
        Api::OpenAi if !plain || name.len() > 64 => Some("1 to 64 of A-Z a-z 0-9 _ -"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_api_cannot_take_is_named() {
        let parameters = Parameters {
            temperature: Some(0.2),
            top_k: Some(4),
            seed: Some(1),
            presence_penalty: Some(0.5),
            ..Parameters::default()
        };
        assert_eq!(unsupported(Api::Anthropic, &parameters), ["seed", "presence_penalty"]);
        let effort = |effort| Parameters { reasoning_effort: Some(effort), ..Parameters::default() };
        assert_eq!(unsupported(Api::Anthropic, &effort(ReasoningEffort::Minimal)), ["reasoning_effort"]);
        assert_eq!(unsupported(Api::Anthropic, &effort(ReasoningEffort::Low)), [""; 0]);
        assert_eq!(unsupported(Api::OpenAi, &parameters), ["top_k"]);
        assert_eq!(unsupported(Api::Exec, &parameters), [""; 0]);
        assert_eq!(unsupported(Api::Builtin, &parameters), parameters.names());
    }

    #[test]
    fn a_tool_name_fits_its_api() {
        assert!(refuses_tool_name(Api::OpenAi, "kb.search").is_some());
        assert!(refuses_tool_name(Api::OpenAi, &"a".repeat(65)).is_some());
        assert!(refuses_tool_name(Api::Anthropic, &"a".repeat(65)).is_none());
        assert!(refuses_tool_name(Api::Exec, "kb.search").is_none());
    }
}
