//! What comes back from a call: an answer, or a failure that is never an answer; and what it took.

use super::pace::WaitReason;
use super::retry::RetryReason;
use super::secret::Redactor;
use crate::domain::{FinishReason, ProviderName, Reply, Usage};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::borrow::Cow;
use std::time::Duration;

/// A reply and how long it took.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer<V = Reply> {
    /// The reply.
    pub reply: V,
    /// Milliseconds from sending the attempt that succeeded to its last byte.
    pub latency_ms: u64,
}

/// What sort of failure it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailureKind {
    /// The provider failed, after its retries.
    Provider,
    /// It did not answer in time, after its retries.
    Timeout,
    /// It was not asked, because the breaker stopped its calls.
    Breaker,
    /// A variable of the environment is not set.
    MissingKey,
    /// It cannot be called from here: no such provider, an address that is none, certificates.
    Setup,
    /// Its API cannot express the request.
    Unsupported,
    /// It was not asked, or not again, because the run was asked to stop.
    Interrupted,
    /// It was not asked again, because another attempt could cost more than is left.
    CostLimit,
}

/// A call that gave no reply.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{detail}")]
pub struct CallFailure {
    /// What sort of failure it was.
    pub kind: FailureKind,
    /// One line with the provider's name, without anything secret.
    pub detail: String,
    /// Attempts that were sent.
    pub attempts: u32,
    /// Whether the same call may succeed later; a final refusal stays one.
    pub is_passing: bool,
}

impl CallFailure {
    /// That a call was not sent, or not again, because the run was asked to stop.
    pub(super) fn interrupted(attempts: u32) -> Self {
        let detail = "interrupted".to_owned();
        Self { kind: FailureKind::Interrupted, detail, attempts, is_passing: true }
    }

    /// That a call was not sent again, because another attempt could cost more than is left.
    pub(super) fn unaffordable(provider: &ProviderName, attempts: u32) -> Self {
        let detail = format!("{provider}: another attempt could exceed the cost limit");
        Self { kind: FailureKind::CostLimit, detail, attempts, is_passing: true }
    }

    /// That a call was not sent, or not again, because the breaker had opened.
    pub(super) fn stopped(provider: &ProviderName, cause: &str, attempts: u32) -> Self {
        let detail = format!("{provider}: no more calls are made, since: {cause}");
        Self { kind: FailureKind::Breaker, detail, attempts, is_passing: true }
    }
}

/// What attempts that gave no reply and say what they used are paid from.
pub trait Paying: Sync {
    /// Books what a failed attempt used.
    fn failed(&self, usage: &Usage);

    /// Whether there may be another after it.
    fn again(&self) -> BoxFuture<'_, bool>;
}

/// Whatever it costs.
impl Paying for () {
    fn failed(&self, _: &Usage) {}

    fn again(&self) -> BoxFuture<'_, bool> {
        std::future::ready(true).boxed()
    }
}

/// A failed attempt that was tried again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetryNote {
    /// Why.
    pub reason: RetryReason,
    /// How long was waited before the next attempt.
    pub waited: Duration,
}

/// A wait before an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitNote {
    /// What for.
    pub reason: WaitReason,
    /// How long.
    pub waited: Duration,
}

/// Everything about one call.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome<V = Reply> {
    /// The answer, or why there is none.
    pub result: Result<Answer<V>, CallFailure>,
    /// The attempts before the last one.
    pub retries: Vec<RetryNote>,
    /// Waits for rate limits.
    pub waits: Vec<WaitNote>,
}

impl<V> From<CallFailure> for Outcome<V> {
    fn from(failure: CallFailure) -> Self {
        Self { result: Err(failure), retries: Vec::new(), waits: Vec::new() }
    }
}

/// Takes secrets out of a reply: a program may print its environment, and a gateway may echo a header. What is
/// stored and shown then never held them.
pub(super) fn redact(reply: &mut Reply, redactor: &Redactor) {
    text(&mut reply.text, redactor);
    if let Some(refusal) = &mut reply.refusal {
        text(refusal, redactor);
    }
    if let Some(model) = &mut reply.model
        && let Cow::Owned(clean) = redactor.redact(model.as_str())
    {
        *model = clean.into();
    }
    if let FinishReason::Other(word) = &mut reply.finish {
        text(word, redactor);
    }
    for call in &mut reply.tool_calls {
        text(&mut call.name, redactor);
        value(&mut call.arguments, redactor);
    }
    for chunk in reply.context.iter_mut().flatten() {
        text(&mut chunk.text, redactor);
        for words in chunk.source.iter_mut().chain(&mut chunk.last_updated) {
            text(words, redactor);
        }
    }
}

fn text(text: &mut String, redactor: &Redactor) {
    if let Cow::Owned(clean) = redactor.redact(text) {
        *text = clean;
    }
}

fn value(json: &mut Value, redactor: &Redactor) {
    match json {
        Value::String(words) => text(words, redactor),
        Value::Array(items) => items.iter_mut().for_each(|item| value(item, redactor)),
        Value::Object(fields) => {
            if fields.keys().any(|name| matches!(redactor.redact(name), Cow::Owned(_))) {
                let clean = std::mem::take(fields).into_iter();
                fields.extend(clean.map(|(name, field)| (redactor.redact(&name).into_owned(), field)));
            }
            fields.values_mut().for_each(|field| value(field, redactor));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
