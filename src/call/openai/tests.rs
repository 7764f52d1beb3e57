use super::*;
use crate::call::environment::Environment;
use crate::call::fault::tests::response;
use crate::domain::exchange::OutputSchema;
use crate::domain::{Message, Parameters, Role, Usage};
use crate::manifest::project::{Api, ProviderConfig};

fn request() -> Request {
    Request {
        provider: "openai".into(),
        api: "openai".to_owned(),
        model: "gpt-4.1-2025-04-14".into(),
        messages: vec![Message::new(Role::System, "Be brief."), Message::new(Role::User, "Hi")],
        tools: Vec::new(),
        parameters: Parameters::default(),
        output: None,
        json: false,
        trial: 0,
        data: Value::Null,
        inputs: None,
        cacheable: true,
    }
}

fn endpoint(base_url: Option<&str>) -> Endpoint {
    let environment = Environment::from_pairs([("OPENAI_API_KEY", "sk-test")]);
    let config = ProviderConfig {
        base_url: base_url.map(str::to_owned),
        ..ProviderConfig::new("openai".into(), Api::OpenAi)
    };
    Endpoint::resolve(&config, &environment).expect("ready")
}

fn body(request: &Request, endpoint: &Endpoint) -> Value {
    serde_json::from_slice(&encode(request, endpoint).expect("encoded").body).expect("json")
}

fn decoded(body: &Value) -> Result<Reply, Fault> {
    decode(&response(200, &[], &body.to_string()))
}

fn choice(message: &Value, finish: &str) -> Value {
    json!({"choices": [{"index": 0, "message": message, "finish_reason": finish}]})
}

#[test]
fn a_request_has_exactly_these_fields() {
    let sent = encode(&request(), &endpoint(None)).expect("encoded");
    assert_eq!(sent.url.as_str(), "https://api.openai.com/v1/chat/completions");
    assert_eq!(sent.headers["authorization"], "Bearer sk-test");
    assert!(!format!("{sent:?}").contains("sk-test"));
    let expected = json!({
        "model": "gpt-4.1-2025-04-14",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
    });
    assert_eq!(body(&request(), &endpoint(None)), expected);
}

#[test]
fn every_parameter_is_sent_under_its_name() {
    let parameters = Parameters {
        temperature: Some(0.2),
        top_p: Some(0.9),
        top_k: None,
        max_tokens: Some(800),
        stop: vec!["END".to_owned()],
        seed: Some(-7),
        frequency_penalty: Some(0.5),
        presence_penalty: Some(-0.5),
        reasoning_effort: Some(ReasoningEffort::Minimal),
    };
    let sent = body(&Request { parameters, ..request() }, &endpoint(None));
    let expected = json!({
        "model": "gpt-4.1-2025-04-14",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "max_completion_tokens": 800, "temperature": 0.2, "top_p": 0.9, "stop": ["END"], "seed": -7,
        "frequency_penalty": 0.5, "presence_penalty": -0.5, "reasoning_effort": "minimal",
    });
    assert_eq!(sent, expected);
}

#[test]
fn the_token_limit_and_top_k_depend_on_who_answers() {
    let local = endpoint(Some("http://localhost:11434/v1"));
    let parameters = Parameters { max_tokens: Some(9), top_k: Some(3), ..Parameters::default() };
    let llama = Request { model: "llama3.2".into(), parameters, ..request() };
    let sent = body(&llama, &local);
    assert_eq!((&sent["max_tokens"], &sent["top_k"]), (&json!(9), &json!(3)));
    assert!(sent.get("max_completion_tokens").is_none());
    let fault = encode(&llama, &endpoint(None)).expect_err("refused");
    assert!(fault.cause == Cause::Unsupported && fault.detail.contains("top_k"));
    let gateway = body(&Request { model: "gpt-5-2025-08-07".into(), ..llama }, &local);
    assert_eq!(gateway["max_completion_tokens"], 9);
    assert!(gateway.get("max_tokens").is_none());
}

#[test]
fn structured_output_and_tools_have_their_form() {
    let schema = json!({"type": "object", "properties": {"b": {}, "a": {}}});
    let output = OutputSchema { name: "grade".to_owned(), schema: schema.clone(), strict: true };
    let sent = body(&Request { output: Some(output), json: true, ..request() }, &endpoint(None));
    let expected =
        json!({"type": "json_schema", "json_schema": {"name": "grade", "schema": schema, "strict": true}});
    assert_eq!(sent["response_format"], expected);
    assert_eq!(sent["response_format"]["json_schema"]["schema"].to_string(), schema.to_string(), "key order");
    let sent = body(&Request { json: true, ..request() }, &endpoint(None));
    assert_eq!(sent["response_format"], json!({"type": "json_object"}));
    let search = ToolDefinition {
        name: "search".to_owned(),
        description: "Searches.".to_owned(),
        input_schema: json!({"type": "object"}),
    };
    let sent = body(&Request { tools: vec![search], ..request() }, &endpoint(None));
    let expected = json!([{"type": "function", "function":
        {"name": "search", "description": "Searches.", "parameters": {"type": "object"}}}]);
    assert_eq!(sent["tools"], expected);
}

#[test]
fn a_reply_carries_everything_that_was_reported() {
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4.1-2025-04-14",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "Let me look.", "refusal": null,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "search", "arguments": "{\"q\": \"a\"}"}},
                {"id": "c2", "type": "function", "function": {"name": "broken", "arguments": "{\"q\": "}},
            ]}}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 4}},
        "service_tier": "default", "system_fingerprint": "fp",
    });
    let expected = Reply {
        text: "Let me look.".to_owned(),
        tool_calls: vec![
            ToolCall { name: "search".to_owned(), arguments: json!({"q": "a"}) },
            ToolCall { name: "broken".to_owned(), arguments: json!("{\"q\": ") },
        ],
        refusal: None,
        finish: FinishReason::ToolCalls,
        usage: Usage { input: Some(10), output: Some(5), cached: Some(4), ..Usage::default() },
        model: Some("gpt-4.1-2025-04-14".into()),
        context: None,
    };
    assert_eq!(decoded(&body).expect("a reply"), expected);
}

#[test]
fn every_finish_reason_has_its_word() {
    for (word, finish) in [
        ("stop", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("tool_calls", FinishReason::ToolCalls),
        ("function_call", FinishReason::ToolCalls),
        ("content_filter", FinishReason::Refusal),
        ("eos", FinishReason::Other("eos".to_owned())),
    ] {
        let reply = decoded(&choice(&json!({"content": null}), word)).expect(word);
        assert_eq!((reply.finish, reply.text.as_str()), (finish, ""), "an empty answer is a reply");
    }
    let forced = json!({"content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]});
    let reply = decoded(&choice(&forced, "stop")).expect("a reply");
    assert_eq!((reply.finish, &reply.tool_calls[0].arguments), (FinishReason::ToolCalls, &json!({"a": 1})));
    let old = json!({"content": null, "function_call": {"name": "f", "arguments": "{}"}});
    assert_eq!(decoded(&choice(&old, "function_call")).expect("a reply").tool_calls.len(), 1);
}

#[test]
fn a_refusal_is_a_reply_with_the_models_words() {
    let reply = decoded(&choice(&json!({"content": null, "refusal": "I cannot."}), "stop")).expect("a reply");
    assert_eq!((reply.finish, reply.refusal.as_deref()), (FinishReason::Refusal, Some("I cannot.")));
    let reply = decoded(&choice(&json!({"content": "x", "refusal": ""}), "stop")).expect("a reply");
    assert_eq!((reply.finish, reply.refusal), (FinishReason::Stop, None));
}

#[test]
fn content_in_parts_is_their_text() {
    let parts =
        json!({"content": [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]});
    assert_eq!(decoded(&choice(&parts, "stop")).expect("a reply").text, "ab");
}

#[test]
fn an_answer_without_text_is_one_where_the_provider_says_why() {
    for (message, finish) in [
        (json!({"content": null}), "stop"),
        (json!({"content": ""}), "stop"),
        (json!({"refusal": "No."}), "stop"),
        (json!({"content": [{"type": "refusal", "refusal": "No."}]}), "stop"),
        (json!({"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}), "tool_calls"),
        (json!({"role": "assistant"}), "content_filter"),
        (json!({"role": "assistant"}), "length"),
        (json!({"content": [{"type": "thinking", "thinking": []}]}), "length"),
    ] {
        let reply = decoded(&choice(&message, finish)).unwrap_or_else(|fault| panic!("{message}: {fault}"));
        assert_eq!(reply.text, "", "{message}");
        let refuses = message.to_string().contains("No.");
        assert_eq!(reply.refusal.as_deref(), refuses.then_some("No."), "{message}");
    }
}

#[test]
fn what_is_no_completion_is_a_fault_and_never_a_reply() {
    for (status, body, says) in [
        (
            429,
            r#"{"error":{"message":"Over quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            "status 429: insufficient_quota: Over quota",
        ),
        (200, r#"{"error":{"message":"boom","code":502}}"#, "decode: an error with status 200: 502: boom"),
        (200, r#"{"choices": [], "error": {"message": "boom"}}"#, "decode: an error with status 200: boom"),
        (
            200,
            r#"{"choices": [{"message": {"content": "half an ans"}, "finish_reason": "stop"}],
                "error": {"message": "upstream", "code": 502}}"#,
            "decode: an error beside the answer: 502: upstream",
        ),
        (
            200,
            r#"{"choices": [{"message": {"content": "half an ans"}, "error": {"message": "upstream"}}]}"#,
            "decode: an error beside the answer: upstream",
        ),
        (
            200,
            r#"{"choices": [{"message": {"content": "half an ans", "error": {"message": "upstream"}}}]}"#,
            "decode: an error beside the answer: upstream",
        ),
        (
            200,
            r#"{"choices": [{"message": {"content": "half an ans"}}], "errors": [{"message": "upstream"}]}"#,
            "decode: an error beside the answer: [",
        ),
        (
            200,
            r#"{"choices": [{"message": {"content": "half an ans"}, "finish_reason": "abort"}]}"#,
            "decode: the provider ended the answer with `abort`",
        ),
        (206, r#"{"choices": [{"message": {"content": "half an ans"}}]}"#, "decode: status 206"),
        (200, r#"{"choices": []}"#, "decode: no `choices` in the body"),
        (200, r#"{"choices": [{"finish_reason": "stop"}]}"#, "decode: no `message` in the first choice"),
        (
            200,
            r#"{"choices": [{"finish_reason": "error", "message": {"content": "half"}}]}"#,
            "decode: the provider ended",
        ),
        (
            200,
            r#"{"choices": [{"message": {"content": 5}}]}"#,
            "decode: the `content` of the message is no text",
        ),
        (200, r#"{"choices": [{"message": {}}]}"#, "decode: no text in the `content`"),
        (
            200,
            r#"{"choices": [{"message": {"role": "assistant"}, "finish_reason": "stop"}]}"#,
            "decode: no text",
        ),
        (200, r#"{"choices": [{"message": {"content": []}, "finish_reason": "stop"}]}"#, "decode: no text"),
        (
            200,
            r#"{"choices": [{"message": {"content": [5, {"type": "image"}]}, "finish_reason": "stop"}]}"#,
            "decode: a part of the message's `content` is no text",
        ),
        (
            200,
            r#"{"choices": [{"message": {"content": [{"type": "image"}]}, "finish_reason": "stop"}]}"#,
            "decode: no text",
        ),
        (
            200,
            r#"{"choices": [{"message": {"content": [{"type": "text"}]}, "finish_reason": "stop"}]}"#,
            "decode: a part of",
        ),
        (200, r#"{"choices": [{"message": {"content": null, "tool_calls": [{}]}}]}"#, "decode: a tool call"),
        (200, r#"{"choices": [{"message": {"cont"#, "decode: half a reply of 31 bytes"),
        (200, "[1]", "decode: no reply in the body"),
        (200, "", "decode: an empty body instead of a reply"),
        (200, "\n<!DOCTYPE html>", "decode: a web page instead of a reply"),
    ] {
        let fault = decode(&response(status, &[], body)).expect_err(says);
        assert!(fault.to_string().starts_with(says), "{fault}");
    }
}

#[test]
fn an_error_that_says_nothing_beside_an_answer_is_none() {
    for error in ["null", "\"\"", "{}", "false"] {
        let body = format!(
            r#"{{"choices": [{{"message": {{"content": "yes"}}, "finish_reason": "stop", "error": {error}}}], "error": {error}}}"#
        );
        assert_eq!(decode(&response(200, &[], &body)).expect(error).text, "yes");
    }
}
