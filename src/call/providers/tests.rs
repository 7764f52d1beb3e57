use super::*;
use crate::call::breaker::Stopped;
use crate::call::fault::tests::response;
use crate::call::retry::RetryReason;
use crate::call::wire::SendFault;
use crate::domain::{Kind, Message, Parameters, RelPath, Role};
use crate::manifest::project::{Folders, ProviderConfig};
use serde_json::Value;
use std::sync::Mutex;

/// A transport that answers from a list, and with the last answer for ever.
struct Script {
    answers: Mutex<Vec<std::result::Result<HttpResponse, SendFault>>>,
    sent: Mutex<Vec<HttpRequest>>,
}

impl Script {
    fn new(mut answers: Vec<std::result::Result<HttpResponse, SendFault>>) -> Self {
        answers.reverse();
        Self { answers: Mutex::new(answers), sent: Mutex::default() }
    }

    fn sent(&self) -> usize {
        self.sent.lock().expect("a lock").len()
    }
}

impl Transport for Script {
    async fn send(&self, request: HttpRequest, _: Duration) -> std::result::Result<HttpResponse, SendFault> {
        self.sent.lock().expect("a lock").push(request);
        let mut answers = self.answers.lock().expect("a lock");
        match answers.len() {
            1 => answers[0].clone(),
            _ => answers.pop().expect("an answer"),
        }
    }
}

const KEY: &str = "sk-planted-0123456789";

fn project(configs: Vec<ProviderConfig>) -> Project {
    Project {
        providers: configs.into_iter().map(|config| (config.name.clone(), config)).collect(),
        judge: None,
        folders: Folders {
            prompts: RelPath::root(),
            evals: RelPath::root(),
            retrieval: RelPath::root(),
            deployments: RelPath::root(),
        },
        prices: None,
    }
}

fn limits() -> Limits {
    Limits {
        timeout: Duration::from_secs(5),
        retries: 2,
        concurrency: None,
        no_exec: false,
        root: PathBuf::from("."),
    }
}

fn providers(answers: Vec<std::result::Result<HttpResponse, SendFault>>) -> Providers<Script> {
    let configs = vec![
        ProviderConfig::new("openai".into(), Api::OpenAi),
        ProviderConfig::new("anthropic".into(), Api::Anthropic),
        ProviderConfig { command: vec!["true".to_owned()], ..ProviderConfig::new("app".into(), Api::Exec) },
    ];
    let environment = Environment::from_pairs([("OPENAI_API_KEY", KEY)]);
    Providers::with_transport(&project(configs), &environment, limits(), Script::new(answers)).with_backoff(
        Backoff { retries: 2, first: Duration::from_millis(1), ceiling: Duration::from_millis(2) },
    )
}

fn request(provider: &str) -> Request {
    Request {
        provider: provider.into(),
        api: "openai".to_owned(),
        model: "gpt-4.1-2025-04-14".into(),
        messages: vec![Message::new(Role::User, "Hi")],
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

fn reply(text: &str) -> HttpResponse {
    let body = serde_json::json!({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]});
    response(200, &[], &body.to_string())
}

fn failure(outcome: Outcome) -> CallFailure {
    outcome.result.expect_err("a failure")
}

#[tokio::test]
async fn a_call_is_tried_until_it_is_answered_and_says_what_it_took() {
    let providers = providers(vec![
        Err(SendFault::Cut("early end".to_owned())),
        Ok(response(429, &[("retry-after-ms", "3")], "{}")),
        Ok(reply("yes")),
    ]);
    let outcome = providers.call(&request("openai")).await;
    assert_eq!(outcome.result.expect("an answer").reply.text, "yes");
    let reasons: Vec<&str> = outcome.retries.iter().map(|note| note.reason.as_str()).collect();
    assert_eq!(reasons, ["cut", "rate_limited"]);
    assert_eq!(outcome.retries[1].waited, Duration::from_millis(3));
    let pacing = providers.pacing();
    assert_eq!(pacing.len(), 1);
    let waited = |reason| pacing[0].retries.get(&reason).copied();
    assert_eq!(waited(RetryReason::RateLimited), Some((1, Duration::from_millis(3))));
    assert_eq!(waited(RetryReason::Cut), Some((1, outcome.retries[0].waited)));
}

#[tokio::test]
async fn advice_to_one_call_holds_every_call_to_that_provider() {
    for (status, headers, held) in [
        (429, [("retry-after", "30")], true),
        (503, [("retry-after-ms", "30000")], true),
        (529, [("retry-after", "60")], true),
        (500, [("retry-after", "30")], false),
        (429, [("retry-after", "0")], false),
        (429, [("retry-after", "61")], false),
    ] {
        let none = Backoff { retries: 0, ..Backoff::new(0) };
        let providers = providers(vec![Ok(response(status, &headers, "{}"))]).with_backoff(none);
        assert_eq!(failure(providers.call(&request("openai")).await).attempts, 1);
        let of = |name: &str| providers.lanes[&ProviderName::from(name)].pace.is_held();
        assert_eq!((of("openai"), of("anthropic")), (held, false), "{status} {headers:?}");
    }
}

#[tokio::test]
async fn retries_are_bounded_and_a_final_failure_is_not_tried_again() {
    let down = providers(vec![Ok(response(500, &[], "boom"))]);
    let failed = failure(down.call(&request("openai")).await);
    assert_eq!((failed.kind, failed.attempts, down.transport.sent()), (FailureKind::Provider, 3, 3));
    assert_eq!(failed.detail, "openai: status 500: boom (after 3 attempts)");
    let wrong = providers(vec![Ok(response(400, &[], r#"{"error":{"message":"no such parameter"}}"#))]);
    let failed = failure(wrong.call(&request("openai")).await);
    assert_eq!((failed.attempts, wrong.transport.sent()), (1, 1));
    let slow = providers(vec![Err(SendFault::Timeout(Duration::from_secs(5)))]);
    let failed = failure(slow.call(&request("openai")).await);
    assert_eq!(failed.kind, FailureKind::Timeout);
    assert_eq!(failed.detail, "openai: send: no answer within 5 s (after 3 attempts)");
}

#[tokio::test]
async fn one_refused_key_stops_every_further_call() {
    let refused = providers(vec![Ok(response(401, &[], r#"{"error":{"message":"bad key"}}"#))]);
    assert_eq!(failure(refused.call(&request("openai")).await).kind, FailureKind::Provider);
    let next = failure(refused.call(&request("openai")).await);
    assert_eq!((next.kind, next.attempts), (FailureKind::Breaker, 0));
    assert_eq!(next.detail, "openai: no more calls are made, since: status 401: bad key");
    assert_eq!(refused.transport.sent(), 1);
    let stopped = Stopped { model: None, cause: "status 401: bad key".to_owned(), for_good: true };
    assert_eq!(refused.pacing()[0].stopped, [stopped]);
}

#[tokio::test]
async fn twenty_failed_calls_in_a_row_stop_the_provider() {
    let down = providers(vec![Ok(response(500, &[], "boom"))]);
    for _ in 0..20 {
        assert_eq!(failure(down.call(&request("openai")).await).kind, FailureKind::Provider);
    }
    assert_eq!(failure(down.call(&request("openai")).await).kind, FailureKind::Breaker);
    assert_eq!(down.transport.sent(), 60);
}

#[tokio::test]
async fn twenty_attempts_without_a_word_stop_the_provider_before_its_calls_are_over() {
    for fault in [SendFault::Timeout(Duration::from_secs(120)), SendFault::Connect("refused".to_owned())] {
        let patient =
            Backoff { retries: 30, first: Duration::from_millis(1), ceiling: Duration::from_millis(1) };
        let mut away = providers(vec![Err(fault)]).with_backoff(patient);
        away.lanes.get_mut("openai").expect("a lane").breaker.patience.silence = Duration::ZERO;
        let failed = failure(away.call(&request("openai")).await);
        assert_eq!((failed.kind, failed.attempts, away.transport.sent()), (FailureKind::Breaker, 20, 20));
        assert_eq!(failure(away.call(&request("openai")).await).kind, FailureKind::Breaker);
        assert_eq!(away.transport.sent(), 20);
    }
}

/// Enough for two attempts.
#[derive(Default)]
struct Purse(Mutex<Vec<(Option<u64>, Option<u64>)>>);

impl Paying for Purse {
    fn failed(&self, usage: &Usage) {
        self.0.lock().expect("a lock").push((usage.input, usage.output));
    }

    fn again(&self) -> futures_util::future::BoxFuture<'_, bool> {
        let enough = self.0.lock().expect("a lock").len() < 2;
        Box::pin(async move { enough })
    }
}

#[tokio::test]
async fn an_attempt_that_is_paid_for_and_gives_nothing_is_told() {
    let half = serde_json::json!({
        "choices": [{"message": {"content": "half"}}],
        "error": "upstream",
        "usage": {"prompt_tokens": 7, "completion_tokens": 3},
    });
    let purse = Purse::default();
    let answers = vec![Ok(response(200, &[], &half.to_string())), Ok(response(500, &[], "boom"))];
    let at_once = Backoff { retries: 9, first: Duration::ZERO, ceiling: Duration::ZERO };
    let twice = providers([answers.clone(), answers].concat()).with_backoff(at_once);
    let failed = failure(twice.call_within(&request("openai"), &purse).await);
    assert_eq!((failed.kind, failed.attempts), (FailureKind::CostLimit, 3));
    assert_eq!(
        *purse.0.lock().expect("a lock"),
        [(Some(7), Some(3)); 2],
        "what says nothing of usage is not told"
    );
}

#[tokio::test]
async fn an_outage_ends_calls_that_are_each_told_to_wait_and_those_that_wait_for_them() {
    for headers in [[("retry-after-ms", "20")], [("x-request-id", "r")]] {
        let mut away = providers(vec![Ok(response(503, &headers, "down"))]).with_backoff(Backoff {
            retries: 1_000,
            first: Duration::from_millis(20),
            ceiling: Duration::from_millis(20),
        });
        away.lanes.get_mut("openai").expect("a lane").breaker.patience.outage = Duration::from_millis(200);
        let request = request("openai");
        let calls = futures_util::future::join_all((0..40).map(|_| away.call(&request)));
        // Without it, a thousand retries of 20 ms each.
        let all = tokio::time::timeout(Duration::from_secs(10), calls).await.expect("it ends");
        for outcome in all {
            let failed = failure(outcome);
            assert_eq!(failed.kind, FailureKind::Breaker);
            assert!(
                failed.detail.contains("every attempt of 0 s failed, the last with"),
                "{}",
                failed.detail
            );
            assert!(failed.detail.ends_with(if headers[0].0 == "x-request-id" {
                "down (request r)"
            } else {
                "down"
            }));
        }
        assert!(away.stopped(&request.provider, &request.model).is_some());
        assert!(away.stopped(&request.provider, &"another".into()).is_some(), "the provider is away");
    }
}

#[tokio::test]
async fn a_long_wait_ends_when_the_provider_is_stopped() {
    let refusing = providers(vec![
        Ok(response(429, &[("retry-after", "60")], "busy")),
        Ok(response(401, &[], "bad key")),
    ]);
    let request = request("openai");
    let waits = refusing.call(&request);
    let stops = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let fault = Fault::new(Cause::Status { status: 401, code: None }, "bad key");
        refusing.lanes["openai"].breaker.failed(&request.model, &fault, "bad key");
        refusing.call(&request).await
    };
    let both = tokio::time::timeout(Duration::from_secs(10), futures_util::future::join(waits, stops));
    let (waited, after) = both.await.expect("nobody waits a minute");
    assert_eq!(failure(waited).kind, FailureKind::Breaker);
    assert_eq!(failure(after).kind, FailureKind::Breaker);
}

#[tokio::test]
async fn nothing_secret_comes_back_whatever_the_provider_writes() {
    let long = format!("{}{KEY}", "x".repeat(395));
    for text in [format!("invalid key {KEY}"), long] {
        let echo = providers(vec![Ok(response(400, &[], &text))]);
        let failed = failure(echo.call(&request("openai")).await);
        assert!(!failed.detail.contains("sk-pl"), "{}", failed.detail);
    }
    let echo = providers(vec![Ok(reply(&format!("your key is {KEY}")))]);
    let answer = echo.call(&request("openai")).await.result.expect("an answer");
    assert_eq!(answer.reply.text, "your key is [redacted OPENAI_API_KEY]");
    let echo = providers(vec![Ok(response(401, &[], KEY))]);
    let _ = echo.call(&request("openai")).await;
    assert!(!failure(echo.call(&request("openai")).await).detail.contains(KEY));
    assert!(!format!("{:?} {:?}", echo.redactor(), echo.lanes).contains(KEY));
}

#[tokio::test]
async fn what_is_missing_is_found_before_any_call() {
    let providers = providers(vec![Ok(reply("yes"))]);
    assert!(providers.ready(&"openai".into()).is_ok() && providers.ready(&"app".into()).is_ok());
    let error = providers.ready(&"anthropic".into()).expect_err("unready");
    assert_eq!((error.kind(), error.hint_text()), (Kind::NoVerdict, Some("export ANTHROPIC_API_KEY=…")));
    assert_eq!(providers.ready(&"nobody".into()).expect_err("unready").kind(), Kind::Input);
    assert_eq!(failure(providers.call(&request("anthropic")).await).kind, FailureKind::MissingKey);
    assert_eq!(failure(providers.call(&request("nobody")).await).kind, FailureKind::Setup);
    let seeded = Parameters { seed: Some(1), top_k: Some(2), ..Parameters::default() };
    let failed = failure(providers.call(&Request { parameters: seeded, ..request("openai") }).await);
    assert_eq!((failed.kind, failed.attempts), (FailureKind::Unsupported, 0));
    assert_eq!(providers.transport.sent(), 0);
}

#[tokio::test]
async fn programs_are_refused_where_they_are_forbidden() {
    let config =
        ProviderConfig { command: vec!["true".to_owned()], ..ProviderConfig::new("app".into(), Api::Exec) };
    let forbidden = Limits { no_exec: true, ..limits() };
    let providers = Providers::new(&project(vec![config]), Environment::default(), forbidden);
    assert!(providers.ready(&"app".into()).expect_err("unready").to_string().contains("--no-exec"));
    assert_eq!(failure(providers.call(&request("app")).await).kind, FailureKind::Setup);
}

#[tokio::test]
async fn embeddings_keep_the_order_of_the_texts_across_batches() {
    let texts: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let rows = |from: usize, to: usize| {
        let data: Vec<Value> =
            (from..to).map(|n| serde_json::json!({"index": n - from, "embedding": [n + 1]})).collect();
        let body = serde_json::json!({"data": data, "usage": {"prompt_tokens": to - from}});
        Ok(response(200, &[], &body.to_string()))
    };
    let providers = providers(vec![rows(0, 64), rows(64, 100), rows(0, 1)]);
    let embedded =
        providers.embed_counted(&"openai".into(), &"text-embedding-3-small".into(), &texts, &()).await;
    let (vectors, usage) = embedded.expect("vectors");
    assert_eq!((vectors.len(), &vectors[99], usage.input), (100, &vec![100.0], Some(100)));
    let none = providers.embed(&"app".into(), &"m".into(), &texts).await.expect_err("refused");
    assert_eq!(none.kind, FailureKind::Unsupported);
}
