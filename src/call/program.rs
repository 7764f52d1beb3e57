//! What a program behind `exec`, and an endpoint behind `http`, reads and writes.
//!
//! It reads one JSON object:
//!
//! ```json
//! {"provider": "app", "model": "shop-app", "trial": 0,
//!  "messages": [{"role": "system", "content": "…"}, {"role": "user", "content": "…"}],
//!  "parameters": {"temperature": 0.2}, "tools": [], "output_schema": null,
//!  "input": "…", "vars": {"input": "…"}, "context": [{"text": "…", "source": "kb/refunds.md"}]}
//! ```
//!
//! `input` is there when the case has it. `output_schema` is the JSON Schema that the answer has to fit.
//!
//! It writes plain text, which is the answer; or one JSON object with `output`, and beside it what it knows:
//!
//! ```json
//! {"output": "…", "model": "…", "finish_reason": "stop", "refusal": null,
//!  "usage": {"input_tokens": 12, "output_tokens": 7, "cached_tokens": 0, "reasoning_tokens": 0},
//!  "context": ["a text", {"text": "…", "source": "…", "score": 0.7}],
//!  "tool_calls": [{"name": "…", "arguments": {}}]}
//! ```
//!
//! A retriever, which an `endpoint` names, reads `{"query": "…", "top_k": 8}` and writes `{"chunks": […]}`, each
//! chunk a text or an object as in `context`.
//!
//! `output` is text; any other JSON value becomes the answer as compact JSON. JSON without `output` is an
//! answer like any other text, with one exception: an object whose only key is `error` is a failure and not
//! an answer. So is an `error` that says something beside `output` or `chunks`. Other keys are ignored, so that a program may write more than this tool reads.

use super::fault::says_something;
use super::local_fault::{LocalFault, Stage};
use crate::domain::{Chunk, FinishReason, Reply, Request, ToolCall, Usage};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value, json};
use std::fmt;

/// The most bytes that a reply may have.
pub(super) const MAX_REPLY: usize = 32 * 1024 * 1024;

/// The object that the program reads.
pub(super) fn request_body(request: &Request) -> Value {
    if let Some(query) = request.data.get("retrieve") {
        return query.clone();
    }
    let empty = Value::Object(Map::new());
    let vars = request.data.get("vars").cloned().unwrap_or(empty);
    let context = request.data.get("context").filter(|context| context.is_array());
    let mut body = json!({
        "provider": request.provider,
        "model": request.model,
        "messages": request.messages,
        "parameters": request.parameters,
        "tools": request.tools,
        "output_schema": request.output.as_ref().map(|output| &output.schema),
        "trial": request.trial,
        "context": context.cloned().unwrap_or_else(|| json!([])),
    });
    if let Value::Object(fields) = &mut body {
        if let Some(input) = vars.get("input") {
            fields.insert("input".to_owned(), input.clone());
        }
        fields.insert("vars".to_owned(), vars);
    }
    body
}

fn fault(message: impl Into<String>) -> LocalFault {
    LocalFault::new(Stage::Decode, message)
}

/// Holds that a retriever gave chunks, be it none: anything else is a failure, and not a search that found nothing.
pub(super) fn retrieved(request: &Request, reply: Reply) -> Result<Reply, LocalFault> {
    if request.data.get("retrieve").is_some() && reply.context.is_none() {
        return Err(fault("the retriever's reply has no list of `chunks`"));
    }
    Ok(reply)
}

/// Holds that a reply has no error beside it.
fn no_error(fields: &Map<String, Value>, who: &str) -> Result<(), LocalFault> {
    let error = fields.get("error").filter(|error| says_something(error));
    error.map_or(Ok(()), |error| Err(reported(who, error)))
}

fn reported(who: &str, error: &Value) -> LocalFault {
    fault(format!("{who} reported an error: {}", short(&text_of(error))))
}

/// Reads what the program wrote.
pub(super) fn reply(written: &str) -> Result<Reply, LocalFault> {
    let plain = || {
        let text = written.strip_suffix('\n').unwrap_or(written);
        let text = text.strip_suffix('\r').unwrap_or(text);
        Reply {
            text: text.to_owned(),
            tool_calls: Vec::new(),
            refusal: None,
            finish: FinishReason::Stop,
            usage: Usage::default(),
            model: None,
            context: None,
        }
    };
    let Ok(Fields { fields, doubled }) = serde_json::from_str(written) else { return Ok(plain()) };
    let means = |key: &str| fields.contains_key(key);
    if let Some(key) =
        doubled.filter(|_| means("output") || means("chunks") || fields.len() == 1 && means("error"))
    {
        return Err(fault(format!("the reply has `{key}` twice")));
    }
    let Some(output) = fields.get("output") else {
        if let Some(chunks @ Value::Array(_)) = fields.get("chunks") {
            no_error(&fields, "the retriever")?;
            return Ok(Reply { text: String::new(), context: context(Some(chunks))?, ..plain() });
        }
        return match fields.get("error") {
            Some(error) if fields.len() == 1 && !error.is_null() => Err(reported("the program", error)),
            _ => Ok(plain()),
        };
    };
    no_error(&fields, "the program")?;
    let tool_calls = tool_calls(fields.get("tool_calls"))?;
    let refusal = text(&fields, "refusal")?;
    let finish = match text(&fields, "finish_reason")?.as_deref() {
        Some("stop") => FinishReason::Stop,
        Some("length") => FinishReason::Length,
        Some("tool_calls") => FinishReason::ToolCalls,
        Some("refusal") => FinishReason::Refusal,
        Some(other) => FinishReason::Other(other.to_owned()),
        None if refusal.is_some() => FinishReason::Refusal,
        None if !tool_calls.is_empty() => FinishReason::ToolCalls,
        None => FinishReason::Stop,
    };
    Ok(Reply {
        text: if output.is_null() { String::new() } else { text_of(output) },
        tool_calls,
        refusal,
        finish,
        usage: usage(fields.get("usage"))?,
        model: text(&fields, "model")?.map(Into::into),
        context: context(fields.get("context"))?,
    })
}

/// The fields of a JSON object, and the first name that stands there twice: of two answers neither is the answer.
struct Fields {
    fields: Map<String, Value>,
    doubled: Option<String>,
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut read = Fields { fields: Map::new(), doubled: None };
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    if read.fields.insert(key.clone(), value).is_some() {
                        read.doubled.get_or_insert(key);
                    }
                }
                Ok(read)
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// A JSON text as it reads, any other value as compact JSON.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Characters of a program's words that go on. What is shown of them is a tenth, cut after secrets are out: a secret that
/// is cut here is no longer found.
const MOST_WORDS: usize = 4096;

/// One line, and not without end.
pub(super) fn short(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MOST_WORDS {
        return line;
    }
    line.chars().take(MOST_WORDS).chain(['…']).collect()
}

fn text(fields: &Map<String, Value>, key: &str) -> Result<Option<String>, LocalFault> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(fault(format!("`{key}` of the reply is not text"))),
    }
}

fn usage(value: Option<&Value>) -> Result<Usage, LocalFault> {
    let fields = match value {
        None | Some(Value::Null) => return Ok(Usage::default()),
        Some(Value::Object(fields)) => fields,
        Some(_) => return Err(fault("`usage` of the reply is not an object")),
    };
    let count = |key: &str| match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_u64()
            .map(Some)
            .ok_or_else(|| fault(format!("`usage.{key}` of the reply is not a count of tokens"))),
    };
    Ok(Usage {
        input: count("input_tokens")?,
        output: count("output_tokens")?,
        cached: count("cached_tokens")?,
        cache_write: count("cache_write_tokens")?,
        cache_write_1h: None,
        reasoning: count("reasoning_tokens")?,
    })
}

fn context(value: Option<&Value>) -> Result<Option<Vec<Chunk>>, LocalFault> {
    let items = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(fault("`context` of the reply is not a list")),
    };
    items
        .iter()
        .map(|item| match item {
            Value::String(text) => {
                Ok(Chunk { text: text.clone(), source: None, score: None, last_updated: None })
            }
            item => serde_json::from_value(item.clone())
                .map_err(|error| fault(format!("a chunk in `context` of the reply: {error}"))),
        })
        .collect::<Result<_, _>>()
        .map(Some)
}

fn tool_calls(value: Option<&Value>) -> Result<Vec<ToolCall>, LocalFault> {
    let items = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(fault("`tool_calls` of the reply is not a list")),
    };
    items
        .iter()
        .map(|item| {
            serde_json::from_value(item.clone())
                .map_err(|error| fault(format!("a call in `tool_calls` of the reply: {error}")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Message, Parameters, Role};

    #[test]
    fn the_program_reads_the_messages_and_the_case() {
        let request = Request {
            provider: "app".into(),
            api: "exec".into(),
            model: "shop".into(),
            messages: vec![Message::new(Role::User, "Hi")],
            tools: Vec::new(),
            parameters: Parameters { temperature: Some(0.2), ..Parameters::default() },
            output: None,
            json: false,
            trial: 2,
            data: json!({"vars": {"input": "Hi", "n": 3}, "context": [{"text": "T"}]}),
            inputs: None,
            cacheable: false,
        };
        assert_eq!(
            request_body(&request),
            json!({"provider": "app", "model": "shop", "messages": [{"role": "user", "content": "Hi"}],
                   "parameters": {"temperature": 0.2}, "tools": [], "output_schema": null, "trial": 2,
                   "input": "Hi", "vars": {"input": "Hi", "n": 3}, "context": [{"text": "T"}]})
        );
        let bare = request_body(&Request { data: Value::Null, ..request });
        assert_eq!((&bare["vars"], &bare["context"], bare.get("input")), (&json!({}), &json!([]), None));
    }

    #[test]
    fn text_is_text_and_an_object_with_output_is_structured() {
        let text = |written: &str| reply(written).map(|reply| reply.text);
        assert_eq!(text("Hello\n\n"), Ok("Hello\n".to_owned()));
        assert_eq!(text(""), Ok(String::new()));
        assert_eq!(text("{\"total\": 3}\n"), Ok("{\"total\": 3}".to_owned()));
        assert_eq!(text("{\"output\": {\"total\": 3}}"), Ok("{\"total\":3}".to_owned()));
        assert_eq!(text("[1]"), Ok("[1]".to_owned()));
        let doubled = r#"{"total": 3, "total": 4}"#;
        assert_eq!(text(doubled), Ok(doubled.to_owned()), "an answer in JSON is judged as it is");
        let full = reply(
            r#"{"output": "A", "usage": {"input_tokens": 5}, "model": "m-1", "refusal": "no",
                "context": ["t", {"text": "u", "source": "s"}], "extra": 1}"#,
        )
        .expect("a reply");
        assert_eq!((full.usage.input, full.usage.output), (Some(5), None));
        assert_eq!(full.finish, FinishReason::Refusal);
        assert_eq!(full.context.expect("context")[1].source.as_deref(), Some("s"));
    }

    #[test]
    fn what_is_not_a_reply_is_a_fault_and_never_an_answer() {
        for broken in [
            r#"{"error": "no stock database"}"#,
            r#"{"output": "A", "usage": {"input_tokens": -1}}"#,
            r#"{"output": "A", "usage": 3}"#,
            r#"{"output": "A", "output": "B"}"#,
            r#"{"output": "A", "usage": {}, "usage": {}}"#,
            r#"{"output": "A", "own": 1, "own": 2}"#,
            r#"{"chunks": [], "chunks": ["a"]}"#,
            r#"{"error": null, "error": "no stock database"}"#,
            r#"{"output": "half an ans", "error": "the model went away"}"#,
            r#"{"output": null, "error": {"code": 1}}"#,
            r#"{"output": "A", "context": "t"}"#,
            r#"{"output": "A", "context": [3]}"#,
            r#"{"output": "A", "model": 3}"#,
            r#"{"output": "A", "tool_calls": [{"arguments": {}}]}"#,
        ] {
            let fault = reply(broken).expect_err(broken);
            assert_eq!(fault.stage, Stage::Decode, "{broken}");
        }
    }
}
