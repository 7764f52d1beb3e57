//! Whatever a provider, a recording or a file on disk holds, nothing panics and nothing false is believed.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test says what it expected")]

use llmops::call::wire::HttpResponse;
use llmops::call::{anthropic, http, openai};
use llmops::domain::{Message, ModelId, Parameters, PromptName, ProviderName, RelPath, Request, Role};
use llmops::ledger::Recordings;
use llmops::repo::Snapshot;
use proptest::prelude::*;
use serde_json::{Value, json};

fn request() -> Request {
    Request {
        provider: ProviderName::new("p"),
        api: "openai".to_owned(),
        model: ModelId::new("m"),
        messages: vec![Message::new(Role::User, "hi")],
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

fn reply(status: u16, body: Vec<u8>) -> HttpResponse {
    HttpResponse { status, headers: reqwest::header::HeaderMap::new(), body: body.into() }
}

/// JSON of the shapes that replies have, with anything in their places.
fn replies() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["text", "tool_use", "refusal", "stop", "end_turn", "length", "assistant"])
            .prop_map(Value::from),
    ];
    let keys = prop::sample::select(vec![
        "choices",
        "message",
        "content",
        "finish_reason",
        "stop_reason",
        "usage",
        "prompt_tokens",
        "input_tokens",
        "output_tokens",
        "completion_tokens_details",
        "tool_calls",
        "function",
        "arguments",
        "name",
        "type",
        "text",
        "error",
        "model",
        "refusal",
        "cache_creation",
        "input",
        "output",
        "context",
    ]);
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keys.clone(), inner), 0..6).prop_map(|pairs| Value::Object(
                pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_provider_may_reply_anything(status in 100_u16..600, value in replies()) {
        let body = value.to_string().into_bytes();
        drop(openai::decode(&reply(status, body.clone())));
        drop(anthropic::decode(&request(), &reply(status, body.clone())));
        drop(http::decode(&body));
        if !(200..300).contains(&status) {
            prop_assert!(openai::decode(&reply(status, body.clone())).is_err());
            prop_assert!(anthropic::decode(&request(), &reply(status, body)).is_err());
        }
    }

    #[test]
    fn a_provider_may_reply_bytes(status in 200_u16..300, body in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(openai::decode(&reply(status, body.clone())));
        drop(anthropic::decode(&request(), &reply(status, body.clone())));
        drop(http::decode(&body));
    }

    #[test]
    fn a_recording_may_hold_anything(text in "(\\PC|\n|\r|\\{\"key\":\"sha256:){0,300}") {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("evals/recordings")).unwrap();
        std::fs::write(folder.path().join("evals/recordings/p.jsonl"), &text).unwrap();
        let snapshot = Snapshot::working_tree(folder.path()).unwrap();
        let evals = RelPath::new("evals").unwrap();
        if let Ok(recordings) = Recordings::load(&snapshot, &evals, &PromptName::new("p")) {
            prop_assert!(recordings.get(&request().key()).is_none());
        }
    }
}
