//! The room against real files.

mod exchanges;
mod recordings;
mod runs;

use crate::domain::{Exchange, FinishReason, Message, Parameters, Reply, Request, Role, Usage};
use serde_json::Value;

/// Waits until something is so. A program that another test of this binary starts holds on to every open file, and so
/// to its lock, until it is itself: what nobody uses any more may look used for a moment.
pub(super) fn until(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("waited in vain: {what}");
}

/// An exchange whose question is `question`.
pub(super) fn exchange(question: &str) -> Exchange {
    let request = Request {
        provider: "anthropic".into(),
        api: "anthropic".to_owned(),
        model: "claude-sonnet-4-20250514".into(),
        messages: vec![Message::new(Role::User, question)],
        tools: Vec::new(),
        parameters: Parameters { temperature: Some(0.2), ..Parameters::default() },
        output: None,
        json: false,
        trial: 0,
        data: Value::Null,
        inputs: None,
        cacheable: true,
    };
    Exchange {
        key: request.key(),
        request,
        reply: Reply {
            text: format!("the answer to {question}\nin two lines"),
            tool_calls: Vec::new(),
            refusal: None,
            finish: FinishReason::Stop,
            usage: Usage { input: Some(10), output: Some(20), ..Usage::default() },
            model: Some("claude-sonnet-4-20250514".into()),
            context: None,
        },
        latency_ms: 1200,
        at: "2026-04-20T09:15:00Z".to_owned(),
    }
}
