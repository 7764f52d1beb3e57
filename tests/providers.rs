//! Providers against servers on loopback that misbehave in every way a provider does.

#![allow(clippy::expect_used, clippy::panic, reason = "a test says what it expected")]

use llmops::call::providers::TokenCounter;
use llmops::call::retry::{Backoff, RetryReason};
use llmops::call::{CallFailure, Environment, FailureKind, Limits, Outcome, Providers};
use llmops::domain::{FinishReason, Message, Parameters, RelPath, Request, Role};
use llmops::manifest::project::{Api, Folders, Project, ProviderConfig};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Barrier;
use wiremock::matchers::{any, body_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

#[path = "support/connections.rs"]
mod connections;
#[path = "support/tls.rs"]
#[cfg(target_os = "linux")]
mod tls;

const KEY: &str = "sk-planted-0123456789";

fn providers(config: ProviderConfig, address: &str) -> Providers {
    providers_with(config, address, &[])
}

fn providers_with(config: ProviderConfig, address: &str, more: &[(&str, &str)]) -> Providers {
    let project = Project {
        providers: [(config.name.clone(), config)].into(),
        judge: None,
        folders: Folders {
            prompts: RelPath::root(),
            evals: RelPath::root(),
            retrieval: RelPath::root(),
            deployments: RelPath::root(),
        },
        prices: None,
    };
    let own = [
        ("ANTHROPIC_API_KEY", KEY),
        ("OPENAI_API_KEY", KEY),
        ("ANTHROPIC_BASE_URL", address),
        ("OPENAI_BASE_URL", address),
    ];
    let environment = Environment::from_pairs(own.iter().chain(more).copied());
    let limits = Limits {
        timeout: Duration::from_secs(30),
        retries: 2,
        concurrency: None,
        no_exec: false,
        root: PathBuf::from("."),
    };
    Providers::new(&project, environment, limits).with_backoff(Backoff {
        retries: 2,
        first: Duration::from_millis(1),
        ceiling: Duration::from_millis(4),
    })
}

fn openai(address: &str) -> Providers {
    providers(ProviderConfig::new("openai".into(), Api::OpenAi), address)
}

fn request(provider: &str, model: &str) -> Request {
    Request {
        provider: provider.into(),
        api: provider.to_owned(),
        model: model.into(),
        messages: vec![Message::new(Role::System, "Be brief."), Message::new(Role::User, "Hi")],
        tools: Vec::new(),
        parameters: Parameters { temperature: Some(0.2), max_tokens: Some(800), ..Parameters::default() },
        output: None,
        json: false,
        trial: 0,
        data: Value::Null,
        inputs: None,
        cacheable: true,
    }
}

fn chat() -> Request {
    request("openai", "gpt-4.1-2025-04-14")
}

fn completion(text: &str) -> Value {
    json!({"model": "gpt-4.1-2025-04-14", "usage": {"prompt_tokens": 3, "completion_tokens": 1},
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]})
}

fn failure(outcome: Outcome) -> CallFailure {
    let failure = outcome.result.expect_err("a failure");
    assert!(!failure.detail.contains(KEY), "{}", failure.detail);
    failure
}

async fn answering(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    server
}

async fn sent(server: &MockServer) -> usize {
    server.received_requests().await.unwrap_or_default().len()
}

/// A server that writes these bytes to every connection and closes it; `None` says nothing and keeps it open.
async fn raw(bytes: Option<&'static [u8]>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            seen.fetch_add(1, Ordering::SeqCst);
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            match bytes {
                Some(bytes) => drop(stream.write_all(bytes).await),
                None => open.push(stream),
            }
        }
    });
    (address, count)
}

#[tokio::test]
async fn both_apis_are_sent_what_they_document() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/messages"))
        .and(header("x-api-key", KEY))
        .and(header("anthropic-version", "2023-06-01"))
        .and(header("content-type", "application/json"))
        .and(header("user-agent", concat!("llmops/", env!("CARGO_PKG_VERSION"))))
        .and(body_json(json!({"model": "claude-sonnet-4-20250514", "max_tokens": 800, "system": "Be brief.",
            "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.2})))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({
            "content": [{"type": "text", "text": "Hello"}], "stop_reason": "max_tokens",
            "usage": {"input_tokens": 5, "output_tokens": 2}})))
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path("/chat/completions"))
        .and(header("authorization", format!("Bearer {KEY}")))
        .and(body_json(
            json!({"model": "gpt-4.1-2025-04-14", "max_completion_tokens": 800, "temperature": 0.2,
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]}),
        ))
        .respond_with(ResponseTemplate::new(200).set_body_json(completion("")))
        .mount(&server)
        .await;
    let anthropic = providers(ProviderConfig::new("anthropic".into(), Api::Anthropic), &server.uri());
    let answer =
        anthropic.call(&request("anthropic", "claude-sonnet-4-20250514")).await.result.expect("an answer");
    assert_eq!((answer.reply.text.as_str(), answer.reply.finish), ("Hello", FinishReason::Length));
    let answer = openai(&server.uri()).call(&chat()).await.result.expect("an answer");
    assert_eq!((answer.reply.text.as_str(), answer.reply.finish), ("", FinishReason::Stop));
}

#[tokio::test]
async fn a_refused_key_is_final_and_is_not_shown() {
    let body = json!({"error": {"message": format!("Incorrect API key provided: {KEY}"), "code": "invalid_api_key"}});
    let server = answering(ResponseTemplate::new(401).set_body_json(body)).await;
    let providers = openai(&server.uri());
    let failed = failure(providers.call(&chat()).await);
    assert_eq!((failed.kind, failed.attempts), (FailureKind::Provider, 1));
    assert!(failed.detail.contains("status 401: invalid_api_key: Incorrect API key provided: [redacted"));
    assert_eq!(failure(providers.call(&chat()).await).kind, FailureKind::Breaker);
    assert_eq!(sent(&server).await, 1);
}

#[tokio::test]
async fn a_provider_that_throttles_for_ever_is_given_up_after_the_retries() {
    let server = answering(ResponseTemplate::new(429).insert_header("retry-after", "0.01")).await;
    let outcome = openai(&server.uri()).call(&chat()).await;
    let reasons: Vec<RetryReason> = outcome.retries.iter().map(|note| note.reason).collect();
    assert_eq!(reasons, [RetryReason::RateLimited; 2]);
    assert_eq!(outcome.retries[0].waited, Duration::from_millis(10));
    assert_eq!(failure(outcome).attempts, 3);
    assert_eq!(sent(&server).await, 3);
}

#[tokio::test]
async fn whatever_comes_that_is_no_reply_is_a_failure() {
    let html = "<!DOCTYPE html><title>502</title>";
    for (response, says, attempts) in [
        (ResponseTemplate::new(500).set_body_string("boom"), "status 500: boom", 3),
        (
            ResponseTemplate::new(200).set_body_raw(html, "text/html"),
            "decode: a web page instead of a reply",
            3,
        ),
        (ResponseTemplate::new(200), "decode: an empty body instead of a reply", 3),
        (
            ResponseTemplate::new(200).set_body_json(json!({"error": {"message": "busy"}})),
            "status 200: busy",
            3,
        ),
        (ResponseTemplate::new(200).set_body_json(json!({"choices": []})), "decode: no `choices`", 3),
        (ResponseTemplate::new(404).set_body_string("no such model"), "status 404: no such model", 1),
        (
            ResponseTemplate::new(429).set_body_json(json!({"error": {"code": "insufficient_quota"}})),
            "status 429: insufficient_quota",
            1,
        ),
        (ResponseTemplate::new(500).insert_header("x-should-retry", "false"), "status 500", 1),
    ] {
        let server = answering(response).await;
        let failed = failure(openai(&server.uri()).call(&chat()).await);
        assert!(failed.detail.contains(says), "{}", failed.detail);
        assert_eq!((failed.kind, failed.attempts), (FailureKind::Provider, attempts), "{says}");
    }
}

#[tokio::test]
async fn half_a_body_and_a_closed_connection_are_tried_again() {
    const HALF: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"choices\": [";
    let (address, seen) = raw(Some(HALF)).await;
    let failed = failure(openai(&address).call(&chat()).await);
    assert!(failed.detail.starts_with("openai: body: connection lost"), "{}", failed.detail);
    assert_eq!((failed.attempts, seen.load(Ordering::SeqCst)), (3, 3));
    let (address, _) = raw(Some(b"")).await;
    let failed = failure(openai(&address).call(&chat()).await);
    assert_eq!((failed.kind, failed.attempts), (FailureKind::Provider, 3));
}

#[tokio::test]
async fn silence_is_a_timeout_and_nobody_there_is_a_connection() {
    let (address, _) = raw(None).await;
    let config = ProviderConfig { timeout_s: Some(1), ..ProviderConfig::new("openai".into(), Api::OpenAi) };
    let failed = failure(providers(config, &address).call(&chat()).await);
    assert_eq!((failed.kind, failed.attempts), (FailureKind::Timeout, 3));
    assert!(failed.detail.contains("no answer within 1 s"), "{}", failed.detail);
    // A port that is taken, so that nobody else can come to listen at it, and at which nobody listens.
    let taken = TcpSocket::new_v4().expect("a socket");
    taken.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let nobody = format!("http://{}", taken.local_addr().expect("an address"));
    let failed = failure(openai(&nobody).call(&chat()).await);
    assert!(failed.detail.starts_with("openai: send: no connection"), "{}", failed.detail);
}

#[tokio::test]
async fn a_redirect_carries_no_key_to_another_host() {
    let thief = answering(ResponseTemplate::new(200).set_body_json(completion("stolen"))).await;
    let to = thief.uri().replace("127.0.0.1", "localhost");
    let server = answering(ResponseTemplate::new(307).insert_header("location", to.as_str())).await;
    let failed = failure(openai(&server.uri()).call(&chat()).await);
    assert!(failed.detail.contains("redirected (307) to localhost"), "{}", failed.detail);
    assert_eq!((failed.attempts, sent(&thief).await), (1, 0));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_read() {
    let server = answering(ResponseTemplate::new(200).set_body_bytes(vec![b' '; 33 * 1024 * 1024])).await;
    let config = ProviderConfig { timeout_s: Some(120), ..ProviderConfig::new("openai".into(), Api::OpenAi) };
    let failed = failure(providers(config, &server.uri()).call(&chat()).await);
    assert!(failed.detail.contains("larger than 32 MiB"), "{}", failed.detail);
    assert_eq!(failed.attempts, 1);
}

#[tokio::test]
async fn the_calls_at_once_never_pass_the_limit_and_all_are_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (now, peak, served) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counters = (Arc::clone(&now), Arc::clone(&peak), Arc::clone(&served));
    let together = Arc::new(Barrier::new(4));
    tokio::spawn(async move {
        let mut accepted = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            let (now, peak, served) = counters.clone();
            // The first four wait for each other: as many as may be are under way at once.
            let mut meets = (accepted < 4).then(|| Arc::clone(&together));
            accepted += 1;
            tokio::spawn(async move {
                let mut buffer = vec![0; 16 * 1024];
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    if let Some(together) = meets.take() {
                        let _ = tokio::time::timeout(Duration::from_secs(20), together.wait()).await;
                    }
                    tokio::time::sleep(Duration::from_millis(3)).await;
                    now.fetch_sub(1, Ordering::SeqCst);
                    // Every tenth is throttled, every twentieth with advice.
                    let number = served.fetch_add(1, Ordering::SeqCst);
                    let (status, advice) = match number % 20 {
                        9 => ("429 Too Many", ""),
                        19 => ("529 Overloaded", "retry-after-ms: 2\r\n"),
                        _ => ("200 OK", ""),
                    };
                    let body = completion("ok").to_string();
                    let response =
                        format!("HTTP/1.1 {status}\r\n{advice}content-length: {}\r\n\r\n{body}", body.len());
                    let _ = stream.write_all(response.as_bytes()).await;
                }
            });
        }
    });
    let config = ProviderConfig { concurrency: 4, ..ProviderConfig::new("openai".into(), Api::OpenAi) };
    // One call may meet a refusal time and again, by chance.
    let backoff = Backoff { retries: 50, first: Duration::from_millis(1), ceiling: Duration::from_millis(4) };
    let providers = Arc::new(providers(config, &address).with_backoff(backoff));
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let providers = Arc::clone(&providers);
            tokio::spawn(async move { providers.call(&chat()).await.result.is_ok() })
        })
        .collect();
    for call in calls {
        assert!(call.await.expect("joined"));
    }
    assert_eq!(peak.load(Ordering::SeqCst), 4);
    let pacing = providers.pacing();
    assert!(pacing[0].retries.values().map(|(count, _)| count).sum::<u64>() >= 10);
}

#[tokio::test]
async fn a_provider_that_says_it_is_empty_is_left_alone_until_its_reset() {
    let full = ResponseTemplate::new(200)
        .set_body_json(completion("ok"))
        .insert_header("x-ratelimit-remaining-requests", "0")
        .insert_header("x-ratelimit-reset-requests", "300ms");
    let server = answering(full).await;
    let counter: TokenCounter = |_| 1;
    let providers = openai(&server.uri()).with_counter(counter);
    assert!(providers.call(&chat()).await.waits.is_empty());
    // On a machine that stands still the reset may be over before the next call; then the one after that waits.
    for _ in 0..200 {
        if let Some(wait) = providers.call(&chat()).await.waits.first() {
            assert_eq!(wait.reason.as_str(), "provider_limit");
            assert_eq!(providers.pacing()[0].waits.len(), 1);
            return;
        }
    }
    panic!("no call waited for the reset");
}

#[tokio::test]
async fn embeddings_come_through_the_same_door() {
    let body = json!({"data": [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]});
    let server = MockServer::start().await;
    Mock::given(path("/embeddings"))
        .and(body_json(json!({"model": "m", "input": ["a", "b"], "encoding_format": "float"})))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let texts = ["a".to_owned(), "b".to_owned()];
    let vectors = openai(&server.uri()).embed(&"openai".into(), &"m".into(), &texts).await.expect("vectors");
    assert_eq!(vectors, [[1.0], [2.0]]);
}
