//! One request to a model and its complete, valid reply.

use super::case::Chunk;
use super::digest::{CanonicalObject, Digest};
use super::ids::{ModelId, ProviderName};
use super::message::{Message, ToolDefinition};
use super::parameters::Parameters;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A schema that a reply must fit, for providers that have structured output.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OutputSchema {
    /// A short name, `[A-Za-z0-9_-]`, at most 64.
    pub name: String,
    /// The JSON Schema, keys in the order in which a model should write them.
    pub schema: Value,
    /// Whether to demand it of the provider (its strict mode).
    pub strict: bool,
}

/// Everything about a request that can change its answer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Request {
    /// The provider's name in the project.
    pub provider: ProviderName,
    /// The API it speaks: `anthropic`, `openai`, `exec`, `http` or `builtin`; `embeddings` and `retrieval` stand for
    /// vectors, and for what a corpus gave to a query.
    pub api: String,
    /// The model as asked for.
    pub model: ModelId,
    /// The messages, system first.
    pub messages: Vec<Message>,
    /// Tools that the model may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolDefinition>,
    /// Sampling parameters.
    #[serde(default)]
    pub parameters: Parameters,
    /// The schema of the reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputSchema>,
    /// Whether a JSON object is asked for without a schema.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub json: bool,
    /// Number of the trial, from 0: part of the key, so that a repeat is a call of its own.
    pub trial: u32,
    /// The case's variables and context, which `exec`, `http` and `builtin` see beside the messages. `Null`
    /// for the other APIs, which see only messages.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
    /// Digest of the files that a program behind `exec` or `http` declares as its `inputs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Digest>,
    /// Whether its reply may be reused: false for a program that declares no inputs. Not part of the key.
    #[serde(skip, default = "yes")]
    pub cacheable: bool,
}

fn yes() -> bool {
    true
}

impl Request {
    /// The key of the exchange. Schemas enter as text in their own key order, because models read and write
    /// in that order; everything else enters as canonical JSON.
    pub fn key(&self) -> Digest {
        let tools: Vec<Value> = self
            .tools
            .iter()
            .map(|tool| json!([tool.name, tool.description, tool.input_schema.to_string()]))
            .collect();
        let output =
            self.output.as_ref().map(|output| json!([output.name, output.schema.to_string(), output.strict]));
        let inputs = self.inputs.map_or(Value::Null, |inputs| json!(inputs));
        let messages = self.messages.iter().map(|message| {
            CanonicalObject::new().text("content", &message.content).text("role", message.role.as_str())
        });
        CanonicalObject::new()
            .text("api", &self.api)
            .value("data", &self.data)
            .value("inputs", &inputs)
            .value("json", &json!(self.json))
            .objects("messages", messages)
            .text("model", self.model.as_str())
            .value("output", &json!(output))
            .value("parameters", &json!(self.parameters))
            .text("provider", self.provider.as_str())
            .value("tools", &json!(tools))
            .value("trial", &json!(self.trial))
            .value("v", &json!(1))
            .digest()
    }
}

/// Why a reply ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model was done.
    Stop,
    /// The token limit or the context window cut it off.
    Length,
    /// It asked for tools.
    ToolCalls,
    /// It refused, or a filter of the provider stopped it.
    Refusal,
    /// Something that this tool does not know, as reported.
    Other(String),
}

impl FinishReason {
    /// The word for it in manifests and reports.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::Refusal => "refusal",
            Self::Other(word) => word,
        }
    }
}

/// One tool call of a reply.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ToolCall {
    /// The tool's name.
    pub name: String,
    /// Its arguments; text that is not JSON is kept as a JSON string.
    pub arguments: Value,
}

/// Token counts as every provider's numbers are normalised: `input` includes what came from or went to a
/// cache, `output` includes reasoning. What a provider did not report is `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Usage {
    /// All input tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<u64>,
    /// All output tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
    /// Input tokens read from a cache; part of `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<u64>,
    /// Input tokens written to a cache; part of `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<u64>,
    /// Of `cache_write`, those kept for an hour (priced higher than five minutes).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<u64>,
    /// Output tokens spent on reasoning; part of `output`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
}

/// A complete, valid reply. A refusal, an empty or a truncated answer is a reply; a failure never is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Reply {
    /// The answer.
    pub text: String,
    /// Tool calls, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The provider's own words for a refusal, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Why it ended.
    pub finish: FinishReason,
    /// Token counts.
    #[serde(default)]
    pub usage: Usage,
    /// The model as the provider reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelId>,
    /// What an application behind `exec` or `http` retrieved by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Vec<Chunk>>,
}

/// Where an exchange came from in this run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Called now.
    Live,
    /// From the store of an earlier run.
    Cached,
    /// From a committed recording.
    Recorded,
}

/// A request's key, and its reply with how long it took when it was live.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Exchange {
    /// The request's digest.
    pub key: Digest,
    /// What was asked.
    pub request: Request,
    /// What came back.
    pub reply: Reply,
    /// Milliseconds from sending the successful attempt to its last byte.
    pub latency_ms: u64,
    /// When it completed, RFC 3339 in UTC.
    pub at: String,
}
