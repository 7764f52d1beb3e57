//! Anthropic Messages: encode and decode.
//!
//! Structured output is asked for by a forced tool, named after the schema, whose input is the answer. Every
//! model takes that, while a JSON response format is known to newer ones only. Where the prompt has tools of
//! its own, any tool is demanded rather than that one, so that they stay callable. The answer's text is the
//! tool's input as compact JSON, with keys, duplicates and digits as the model wrote them. There is no JSON
//! mode without a schema; the prompt alone asks for it then.

use super::compact::compact;
use super::endpoint::Endpoint;
use super::fault::{Fault, expect_no_error, read, reported_error};
use super::usage;
use super::wire::{HttpRequest, HttpResponse};
use crate::domain::parameters::ReasoningEffort;
use crate::domain::{FinishReason, ModelId, Reply, Request, Role, ToolCall};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// The API demands a limit; this one holds where the manifest has none.
pub const DEFAULT_MAX_TOKENS: u32 = 4096;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<String>,
    messages: Vec<OutMessage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<OutTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ToolChoice<'a>>,
}

#[derive(Serialize)]
struct OutMessage<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct OutputConfig {
    effort: ReasoningEffort,
}

#[derive(Serialize)]
struct OutTool<'a> {
    name: &'a str,
    description: &'a str,
    input_schema: &'a Value,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum ToolChoice<'a> {
    Tool { name: &'a str },
    Any,
}

/// The request as the Messages API takes it.
///
/// # Errors
/// A parameter that the API does not have, or a schema whose root is not an object.
pub fn encode(request: &Request, endpoint: &Endpoint) -> Result<HttpRequest, Fault> {
    let parameters = &request.parameters;
    let refused = [
        ("seed", parameters.seed.is_some()),
        ("frequency_penalty", parameters.frequency_penalty.is_some()),
        ("presence_penalty", parameters.presence_penalty.is_some()),
    ];
    if let Some((name, _)) = refused.into_iter().find(|(_, is_set)| *is_set) {
        return Err(Fault::unsupported(format!("the API `anthropic` has no parameter `{name}`")));
    }
    let effort = match parameters.reasoning_effort {
        Some(ReasoningEffort::None | ReasoningEffort::Minimal) => {
            return Err(Fault::unsupported("the API `anthropic` has no `reasoning_effort` below `low`"));
        }
        effort => effort,
    };
    let system: Vec<&str> = of_role(request, |role| role == Role::System).map(|(_, text)| text).collect();
    let body = Body {
        model: request.model.as_str(),
        max_tokens: parameters.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS),
        system: (!system.is_empty()).then(|| system.join("\n\n")),
        messages: of_role(request, |role| role != Role::System)
            .map(|(role, content)| OutMessage { role: role.as_str(), content })
            .collect(),
        temperature: parameters.temperature,
        top_p: parameters.top_p,
        top_k: parameters.top_k,
        stop_sequences: &parameters.stop,
        output_config: effort.map(|effort| OutputConfig { effort }),
        tools: tools(request)?,
        tool_choice: request.output.as_ref().map(|output| {
            if request.tools.is_empty() { ToolChoice::Tool { name: &output.name } } else { ToolChoice::Any }
        }),
    };
    let body = serde_json::to_vec(&body)
        .map_err(|error| Fault::unsupported(format!("the request is no JSON: {error}")))?;
    Ok(HttpRequest { url: endpoint.at("/v1/messages"), headers: endpoint.headers.clone(), body: body.into() })
}

fn of_role(request: &Request, keep: impl Fn(Role) -> bool) -> impl Iterator<Item = (Role, &str)> {
    request
        .messages
        .iter()
        .filter(move |message| keep(message.role))
        .map(|message| (message.role, message.content.as_str()))
}

fn tools(request: &Request) -> Result<Vec<OutTool<'_>>, Fault> {
    let mut tools: Vec<OutTool<'_>> = request
        .tools
        .iter()
        .map(|tool| OutTool {
            name: &tool.name,
            description: &tool.description,
            input_schema: &tool.input_schema,
        })
        .collect();
    if let Some(output) = &request.output {
        if output.schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err(Fault::unsupported(
                "the API `anthropic` takes only an output schema of type `object`",
            ));
        }
        if tools.iter().any(|tool| tool.name == output.name) {
            return Err(Fault::unsupported(format!(
                "the output schema and a tool are both named `{}`",
                output.name
            )));
        }
        tools.push(OutTool {
            name: &output.name,
            description: "Gives the final answer. Call it exactly once, with the whole answer as its input.",
            input_schema: &output.schema,
        });
    }
    Ok(tools)
}

#[derive(Deserialize)]
struct InMessage {
    #[serde(default)]
    content: Option<Vec<Block>>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_details: Option<Value>,
    #[serde(default)]
    usage: Value,
    #[serde(default)]
    model: Option<ModelId>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    input: Option<Box<RawValue>>,
}

/// The reply to `request`. A refusal, an empty and a truncated answer are replies.
///
/// # Errors
/// A status of failure, and every body that is not a whole message. A message without text and without a tool call is
/// an empty answer only where a `stop_reason` says that it ended.
pub fn decode(request: &Request, response: &HttpResponse) -> Result<Reply, Fault> {
    let message: InMessage = read(response)?;
    let Some(blocks) = message.content else {
        return Err(reported_error(response)
            .unwrap_or_else(|| Fault::undecodable("no `content` in the body: this is no message")));
    };
    expect_no_error(message.error.as_ref(), response)?;
    let wanted = request.output.as_ref().map(|output| output.name.as_str());
    let (mut text, mut answer, mut tool_calls) = (String::new(), None, Vec::new());
    for block in blocks {
        match (block.kind.as_str(), block.name, block.input) {
            ("text", _, _) => {
                let words =
                    block.text.ok_or_else(|| Fault::undecodable("a block of text without its `text`"))?;
                text.push_str(&words);
            }
            ("tool_use", Some(name), Some(input)) if wanted == Some(name.as_str()) => {
                answer.get_or_insert_with(|| compact(input.get()));
            }
            ("tool_use", Some(name), input) => {
                let arguments = input.map_or_else(|| Ok(Value::Null), |raw| serde_json::from_str(raw.get()));
                let arguments = arguments
                    .map_err(|error| Fault::undecodable(format!("the input of tool `{name}`: {error}")))?;
                tool_calls.push(ToolCall { name, arguments });
            }
            ("tool_use", None, _) => return Err(Fault::undecodable("a call of a tool without its `name`")),
            _ => {}
        }
    }
    if message.stop_reason.is_none() && text.is_empty() && answer.is_none() && tool_calls.is_empty() {
        let detail = "neither text nor a `stop_reason` in the body: this is no whole message";
        return Err(reported_error(response).unwrap_or_else(|| Fault::undecodable(detail)));
    }
    let finish = match message.stop_reason.as_deref() {
        Some("tool_use") if answer.is_some() && tool_calls.is_empty() => FinishReason::Stop,
        Some("end_turn" | "stop_sequence") => FinishReason::Stop,
        Some("max_tokens" | "model_context_window_exceeded") => FinishReason::Length,
        Some("tool_use") => FinishReason::ToolCalls,
        Some("refusal") => FinishReason::Refusal,
        Some(other) => FinishReason::Other(other.to_owned()),
        None => FinishReason::Other("unreported".to_owned()),
    };
    let details = message.stop_details.as_ref();
    let words = |key: &str| details?.get(key)?.as_str().map(str::to_owned);
    let refusal = (finish == FinishReason::Refusal)
        .then(|| words("explanation").or_else(|| words("category")))
        .flatten();
    Ok(Reply {
        text: answer.unwrap_or(text),
        tool_calls,
        refusal,
        finish,
        usage: usage::anthropic(&message.usage),
        model: message.model,
        context: None,
    })
}

#[cfg(test)]
mod tests;
