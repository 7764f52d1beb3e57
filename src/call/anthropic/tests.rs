use super::*;
use crate::call::environment::Environment;
use crate::call::fault::Cause;
use crate::call::fault::tests::response;
use crate::domain::exchange::OutputSchema;
use crate::domain::{Message, Parameters, ToolDefinition, Usage};
use crate::manifest::project::{Api, ProviderConfig};
use serde_json::json;

fn request() -> Request {
    Request {
        provider: "anthropic".into(),
        api: "anthropic".to_owned(),
        model: "claude-sonnet-4-20250514".into(),
        messages: vec![
            Message::new(Role::System, "Be brief."),
            Message::new(Role::User, "Hi"),
            Message::new(Role::Assistant, "Hello"),
            Message::new(Role::System, "Be kind."),
            Message::new(Role::User, "Bye"),
        ],
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

fn graded() -> Request {
    let schema = json!({"type": "object", "properties": {"reason": {"type": "string"}, "score": {}}});
    Request { output: Some(OutputSchema { name: "grade".to_owned(), schema, strict: true }), ..request() }
}

fn search() -> ToolDefinition {
    ToolDefinition {
        name: "search".to_owned(),
        description: "Searches.".to_owned(),
        input_schema: json!({"type": "object", "properties": {"q": {"type": "string"}}}),
    }
}

fn encoded(request: &Request) -> Result<(HttpRequest, Value), Fault> {
    let environment = Environment::from_pairs([("ANTHROPIC_API_KEY", "sk-ant-test")]);
    let config = ProviderConfig::new("anthropic".into(), Api::Anthropic);
    let sent = encode(request, &Endpoint::resolve(&config, &environment).expect("ready"))?;
    let body = serde_json::from_slice(&sent.body).expect("json");
    Ok((sent, body))
}

fn decoded(request: &Request, body: &Value) -> Result<Reply, Fault> {
    decode(request, &response(200, &[], &body.to_string()))
}

#[test]
fn a_request_has_exactly_these_fields() {
    let (sent, body) = encoded(&request()).expect("encoded");
    assert_eq!(sent.url.as_str(), "https://api.anthropic.com/v1/messages");
    let mut headers: Vec<&str> = sent.headers.keys().map(|name| name.as_str()).collect();
    headers.sort_unstable();
    assert_eq!(headers, ["accept", "anthropic-version", "content-type", "x-api-key"]);
    assert!(!format!("{sent:?}").contains("sk-ant"));
    let expected = json!({
        "model": "claude-sonnet-4-20250514",
        "max_tokens": 4096,
        "system": "Be brief.\n\nBe kind.",
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "Bye"},
        ],
    });
    assert_eq!(body, expected);
}

#[test]
fn every_parameter_is_sent_under_its_name_or_refused() {
    let parameters = Parameters {
        temperature: Some(0.2),
        top_p: Some(0.9),
        top_k: Some(5),
        max_tokens: Some(800),
        stop: vec!["END".to_owned()],
        reasoning_effort: Some(ReasoningEffort::XHigh),
        ..Parameters::default()
    };
    let (_, body) = encoded(&Request { parameters, ..request() }).expect("encoded");
    let pick = |key: &str| body.get(key).cloned().unwrap_or_default();
    assert_eq!(pick("temperature"), json!(0.2));
    assert_eq!(pick("top_p"), json!(0.9));
    assert_eq!(pick("top_k"), json!(5));
    assert_eq!(pick("max_tokens"), json!(800));
    assert_eq!(pick("stop_sequences"), json!(["END"]));
    assert_eq!(pick("output_config"), json!({"effort": "xhigh"}));
    for parameters in [
        Parameters { seed: Some(1), ..Parameters::default() },
        Parameters { frequency_penalty: Some(0.1), ..Parameters::default() },
        Parameters { presence_penalty: Some(0.1), ..Parameters::default() },
        Parameters { reasoning_effort: Some(ReasoningEffort::None), ..Parameters::default() },
        Parameters { reasoning_effort: Some(ReasoningEffort::Minimal), ..Parameters::default() },
    ] {
        let name = parameters.names()[0];
        let fault = encoded(&Request { parameters, ..request() }).expect_err(name);
        assert!(fault.cause == Cause::Unsupported && fault.detail.contains(name), "{}", fault.detail);
    }
}

#[test]
fn a_schema_is_a_forced_tool_and_tools_stay_callable_beside_it() {
    let (_, body) = encoded(&graded()).expect("encoded");
    assert_eq!(body["tools"][0]["name"], "grade");
    assert_eq!(body["tools"][0]["input_schema"], graded().output.expect("schema").schema);
    assert_eq!(body["tool_choice"], json!({"type": "tool", "name": "grade"}));
    let (_, body) = encoded(&Request { tools: vec![search()], ..graded() }).expect("encoded");
    let search_tool = json!({"name": "search", "description": "Searches.",
        "input_schema": {"type": "object", "properties": {"q": {"type": "string"}}}});
    assert_eq!(body["tools"][0], search_tool);
    assert_eq!(body["tool_choice"], json!({"type": "any"}));
    let (_, body) = encoded(&Request { tools: vec![search()], ..request() }).expect("encoded");
    assert!(body.get("tool_choice").is_none());
}

#[test]
fn a_schema_that_the_api_cannot_take_is_refused() {
    let mut list = graded();
    list.output = list.output.map(|output| OutputSchema { schema: json!({"type": "array"}), ..output });
    assert_eq!(encoded(&list).expect_err("refused").cause, Cause::Unsupported);
    let twin = Request { tools: vec![ToolDefinition { name: "grade".to_owned(), ..search() }], ..graded() };
    assert_eq!(encoded(&twin).expect_err("refused").cause, Cause::Unsupported);
}

#[test]
fn a_reply_carries_everything_that_was_reported() {
    let body = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-20250514",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "Let me "},
            {"type": "text", "text": "look."},
            {"type": "tool_use", "id": "t1", "name": "search", "input": {"q": "a b"}},
        ],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 10, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 90,
            "output_tokens": 20, "service_tier": "standard"},
    });
    let expected = Reply {
        text: "Let me look.".to_owned(),
        tool_calls: vec![ToolCall { name: "search".to_owned(), arguments: json!({"q": "a b"}) }],
        refusal: None,
        finish: FinishReason::ToolCalls,
        usage: Usage {
            input: Some(100),
            output: Some(20),
            cached: Some(90),
            cache_write: Some(0),
            ..Usage::default()
        },
        model: Some("claude-sonnet-4-20250514".into()),
        context: None,
    };
    assert_eq!(decoded(&request(), &body).expect("a reply"), expected);
}

#[test]
fn the_forced_tools_input_is_the_answer_as_the_model_wrote_it() {
    let body = r#"{"content": [{"type": "text", "text": "Sure."}, {"type": "tool_use", "id": "t", "name": "grade",
        "input": {"score": 4.0, "reason": "a  b", "score": 12345678901234567890123}}], "stop_reason": "tool_use"}"#;
    let reply = decode(&graded(), &response(200, &[], body)).expect("a reply");
    assert_eq!(reply.text, r#"{"score":4.0,"reason":"a  b","score":12345678901234567890123}"#);
    assert_eq!((reply.finish, reply.tool_calls.len()), (FinishReason::Stop, 0));
    let other =
        json!({"content": [{"type": "tool_use", "name": "search", "input": {}}], "stop_reason": "tool_use"});
    let reply = decoded(&graded(), &other).expect("a reply");
    assert_eq!((reply.finish, reply.tool_calls.len(), reply.text.as_str()), (FinishReason::ToolCalls, 1, ""));
    let prose = json!({"content": [{"type": "text", "text": "No."}], "stop_reason": "end_turn"});
    assert_eq!(decoded(&graded(), &prose).expect("a reply").text, "No.");
}

#[test]
fn every_stop_reason_has_its_word() {
    for (word, finish) in [
        ("end_turn", FinishReason::Stop),
        ("stop_sequence", FinishReason::Stop),
        ("max_tokens", FinishReason::Length),
        ("model_context_window_exceeded", FinishReason::Length),
        ("tool_use", FinishReason::ToolCalls),
        ("refusal", FinishReason::Refusal),
        ("pause_turn", FinishReason::Other("pause_turn".to_owned())),
    ] {
        let reply = decoded(&request(), &json!({"content": [], "stop_reason": word})).expect(word);
        assert_eq!((reply.finish, reply.text.as_str()), (finish, ""), "an empty answer is a reply");
        assert_eq!(reply.usage, Usage::default());
    }
}

#[test]
fn a_refusal_is_a_reply_with_the_providers_words() {
    let body = json!({"content": [], "stop_reason": "refusal",
        "stop_details": {"type": "refusal", "category": "cyber", "explanation": "Not this."}});
    let reply = decoded(&request(), &body).expect("a reply");
    assert_eq!((reply.finish, reply.refusal.as_deref()), (FinishReason::Refusal, Some("Not this.")));
    let body = json!({"content": [], "stop_reason": "refusal", "stop_details": {"category": "cyber"}});
    assert_eq!(decoded(&request(), &body).expect("a reply").refusal.as_deref(), Some("cyber"));
}

#[test]
fn what_is_no_message_is_a_fault_and_never_a_reply() {
    for (status, body, says) in [
        (
            401,
            r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"},"request_id":"r"}"#,
            "status 401: authentication_error: invalid x-api-key",
        ),
        (
            200,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            "decode: an error with status 200: overloaded_error: Overloaded",
        ),
        (
            200,
            r#"{"content": [{"type": "text", "text": "half"}], "error": {"type": "api_error", "message": "gone"}}"#,
            "decode: an error beside the answer: api_error: gone",
        ),
        (200, r#"{"content": []}"#, "decode: neither text nor a `stop_reason`"),
        (200, r#"{"content": [{"type": "image"}], "stop_reason": null}"#, "decode: neither text nor"),
        (
            200,
            r#"{"content": [{"type": "text"}], "stop_reason": "end_turn"}"#,
            "decode: a block of text without",
        ),
        (200, r#"{"content": [{"type": "tool_use", "input": {}}]}"#, "decode: a call of a tool without"),
        (200, r#"{"content": [5], "stop_reason": "end_turn"}"#, "decode: no reply in the body: "),
        (200, "{}", "decode: no `content` in the body: this is no message"),
        (200, r#"{"content": "text"}"#, "decode: no reply in the body: "),
        (200, r#"{"content": [{"type": "te"#, "decode: half a reply of 25 bytes"),
        (200, "", "decode: an empty body instead of a reply"),
        (200, "<html>", "decode: a web page instead of a reply"),
    ] {
        let fault = decode(&request(), &response(status, &[], body)).expect_err(says);
        assert!(fault.to_string().starts_with(says), "{fault}");
    }
}
