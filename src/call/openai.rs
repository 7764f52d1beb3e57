//! OpenAI Chat Completions, and whatever is compatible: encode and decode.
//!
//! The token limit is sent as `max_completion_tokens` to OpenAI's own address and for OpenAI's models behind
//! any gateway, and as `max_tokens` to every other server, many of which know only that. `top_k` is refused at
//! OpenAI's own address, which does not have it, and sent elsewhere.

use super::endpoint::Endpoint;
use super::fault::{Cause, Fault, expect_no_error, read, reported_error};
use super::usage;
use super::wire::{HttpRequest, HttpResponse};
use crate::domain::parameters::ReasoningEffort;
use crate::domain::{FinishReason, ModelId, Reply, Request, ToolCall, ToolDefinition};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<OutMessage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<ReasoningEffort>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
}

#[derive(Serialize)]
struct OutMessage<'a> {
    role: &'static str,
    content: &'a str,
}

/// The request as Chat Completions takes it.
///
/// # Errors
/// A parameter that the API does not have.
pub fn encode(request: &Request, endpoint: &Endpoint) -> Result<HttpRequest, Fault> {
    let parameters = &request.parameters;
    if endpoint.official && parameters.top_k.is_some() {
        return Err(Fault::unsupported("the API of OpenAI has no parameter `top_k`"));
    }
    let completion = endpoint.limits_completion(&request.model);
    let body = Body {
        model: request.model.as_str(),
        messages: request
            .messages
            .iter()
            .map(|message| OutMessage { role: message.role.as_str(), content: &message.content })
            .collect(),
        max_completion_tokens: parameters.max_tokens.filter(|_| completion),
        max_tokens: parameters.max_tokens.filter(|_| !completion),
        temperature: parameters.temperature,
        top_p: parameters.top_p,
        top_k: parameters.top_k,
        stop: &parameters.stop,
        seed: parameters.seed,
        frequency_penalty: parameters.frequency_penalty,
        presence_penalty: parameters.presence_penalty,
        reasoning_effort: parameters.reasoning_effort,
        response_format: response_format(request),
        tools: request.tools.iter().map(tool).collect(),
    };
    let body = serde_json::to_vec(&body)
        .map_err(|error| Fault::unsupported(format!("the request is no JSON: {error}")))?;
    Ok(HttpRequest {
        url: endpoint.at("/chat/completions"),
        headers: endpoint.headers.clone(),
        body: body.into(),
    })
}

fn response_format(request: &Request) -> Option<Value> {
    match &request.output {
        Some(output) => Some(json!({
            "type": "json_schema",
            "json_schema": {"name": output.name, "schema": output.schema, "strict": output.strict},
        })),
        None => request.json.then(|| json!({"type": "json_object"})),
    }
}

fn tool(tool: &ToolDefinition) -> Value {
    json!({
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": tool.input_schema},
    })
}

#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Value,
    #[serde(default)]
    model: Option<ModelId>,
    #[serde(default)]
    error: Option<Value>,
    #[serde(default)]
    errors: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    message: Option<InMessage>,
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct InMessage {
    /// `None` where the key is missing, which is not the same as an explicit `null`.
    #[serde(default, deserialize_with = "present")]
    content: Option<Value>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<Call>>,
    #[serde(default)]
    function_call: Option<Function>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: Value,
}

impl From<Function> for ToolCall {
    fn from(function: Function) -> Self {
        let arguments = match function.arguments {
            Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            other => other,
        };
        Self { name: function.name, arguments }
    }
}

fn present<'de, D: serde::Deserializer<'de>>(content: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(content).map(Some)
}

/// How servers and gateways say that an answer broke off, beside the reasons of OpenAI's own.
const BROKEN_OFF: [&str; 7] = ["error", "failed", "abort", "aborted", "cancelled", "canceled", "timeout"];

/// The reply. A refusal, an empty and a truncated answer are replies.
///
/// # Errors
/// A status of failure, and every body that is not a whole completion. A message without any text is an empty answer
/// only where the provider says so: with `content: null` or `""`, a refusal, tool calls, or `finish_reason: length`.
pub fn decode(response: &HttpResponse) -> Result<Reply, Fault> {
    let completion: Completion = read(response)?;
    let or_error = |detail: &str| reported_error(response).unwrap_or_else(|| Fault::undecodable(detail));
    let choice = completion.choices.unwrap_or_default().into_iter().next();
    let choice = choice.ok_or_else(|| or_error("no `choices` in the body: this is no completion"))?;
    let in_message = choice.message.as_ref().and_then(|message| message.error.as_ref());
    for error in [completion.error.as_ref(), completion.errors.as_ref(), choice.error.as_ref(), in_message] {
        expect_no_error(error, response)?;
    }
    if let Some(word) = choice.finish_reason.as_deref().filter(|word| BROKEN_OFF.contains(word)) {
        let detail = format!("the provider ended the answer with `{word}`");
        return Err(Fault::new(Cause::Reported { code: None }, detail));
    }
    let message = choice.message.ok_or_else(|| or_error("no `message` in the first choice"))?;
    let mut tool_calls = Vec::new();
    for call in message.tool_calls.unwrap_or_default() {
        let function = call.function.ok_or_else(|| Fault::undecodable("a tool call without a `function`"))?;
        tool_calls.push(ToolCall::from(function));
    }
    tool_calls.extend(message.function_call.map(ToolCall::from));
    let content = read_content(message.content)?;
    let refusal = message.refusal.filter(|words| !words.is_empty()).or(content.refusal);
    let finish = match choice.finish_reason.as_deref() {
        Some("content_filter") => FinishReason::Refusal,
        _ if refusal.is_some() => FinishReason::Refusal,
        Some("length") => FinishReason::Length,
        Some("tool_calls" | "function_call") => FinishReason::ToolCalls,
        // A forced tool ends with `stop`.
        Some("stop") if !tool_calls.is_empty() => FinishReason::ToolCalls,
        Some("stop") => FinishReason::Stop,
        Some(other) => FinishReason::Other(other.to_owned()),
        None => FinishReason::Other("unreported".to_owned()),
    };
    let explained = refusal.is_some()
        || !tool_calls.is_empty()
        || matches!(finish, FinishReason::Refusal | FinishReason::Length);
    let text = match content.text {
        Some(text) => text,
        None if explained => String::new(),
        None => return Err(or_error("no text in the `content` of the message, and nothing that says why")),
    };
    Ok(Reply {
        text,
        tool_calls,
        refusal,
        finish,
        usage: usage::openai(&completion.usage),
        model: completion.model,
        context: None,
    })
}

struct Content {
    /// `None` where there is neither a text nor an explicit nothing.
    text: Option<String>,
    refusal: Option<String>,
}

/// What a message says: a string, an explicit nothing, or the text parts of a list.
fn read_content(content: Option<Value>) -> Result<Content, Fault> {
    let parts = match content {
        None => return Ok(Content { text: None, refusal: None }),
        Some(Value::String(text)) => return Ok(Content { text: Some(text), refusal: None }),
        Some(Value::Null) => return Ok(Content { text: Some(String::new()), refusal: None }),
        Some(Value::Array(parts)) => parts,
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            return Err(Fault::undecodable("the `content` of the message is no text"));
        }
    };
    let mut read = Content { text: None, refusal: None };
    for part in &parts {
        let words = |key: &str| part.get(key).and_then(Value::as_str);
        match words("type") {
            Some("refusal") => read.refusal = words("refusal").map(str::to_owned),
            Some("text" | "output_text") | None => {
                let text = words("text")
                    .ok_or_else(|| Fault::undecodable("a part of the message's `content` is no text"))?;
                read.text.get_or_insert_default().push_str(text);
            }
            // What a model thought, drew or said aloud is not its text.
            Some(_) => {}
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests;
