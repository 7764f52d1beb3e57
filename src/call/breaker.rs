//! The breaker: a provider that is down, or that refuses the key, is not asked again; nor is one of its models that
//! alone fails.

use super::fault::{Cause, Fault};
use super::retry;
use crate::domain::ModelId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Calls in a row that ended in failure after their retries, until the breaker opens.
pub const CALLS_IN_A_ROW: u32 = 20;

/// Attempts in a row, of any calls, that reached nobody or were never answered, until it opens for whoever has
/// answered nothing in this run. With a time limit of two minutes and six retries, whole calls would take half an hour.
pub const SILENT_ATTEMPTS: u32 = 20;

/// Attempts in a row that an outage has at least: what fails every second time fails so often in one of a thousand rows.
pub const FAILED_ATTEMPTS: u32 = 10;

/// Attempts that have to follow one another in an outage, however long one of them takes: a network that was away once
/// fails every attempt that was under way, and that is one.
pub const ROUNDS: u32 = 3;

/// Calls that have to fail in an outage: one request that is never answered is no outage.
pub const CALLS: usize = 3;

/// Attempts that have to follow one another where nothing was ever answered, and nothing else is asked for.
pub const ROUNDS_ALONE: u32 = 5;

/// How long failures are waited out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Attempts that fail for now (throttled, overloaded, cut, unanswered) with no reply among them. Calls that are each
    /// told to wait would end one by one, and 20 of them take as long as the provider likes.
    pub outage: Duration,
    /// Silence from the beginning: a server that is just starting, a network that is just coming back.
    pub silence: Duration,
}

impl Default for Patience {
    /// One and a half of the minute after which every vendor's limits are full again, and five seconds.
    fn default() -> Self {
        Self { outage: Duration::from_secs(90), silence: Duration::from_secs(5) }
    }
}

/// Stops the calls of one provider, or of one of its models, for the rest of the run.
#[derive(Debug, Default)]
pub struct Breaker {
    /// Whether anything is stopped.
    open: AtomicBool,
    state: Mutex<State>,
    opened: Notify,
    pub(super) patience: Patience,
}

#[derive(Debug, Default)]
struct State {
    provider: Count,
    models: BTreeMap<ModelId, Count>,
}

/// What no call is made to any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stopped {
    /// The model; `None` for the whole provider.
    pub model: Option<ModelId>,
    /// What the failure said that stopped it.
    pub cause: String,
    /// Whether it would say the same for ever: the key is refused, or there is no such model.
    pub for_good: bool,
}

/// What happened since the last reply.
#[derive(Debug, Default)]
struct Count {
    failures: u32,
    first: Option<String>,
    /// Attempts in a row without a word.
    silent: u32,
    /// When a call last ended in a reply.
    heard: Option<Instant>,
    outage: Option<Outage>,
    cause: Option<String>,
    for_good: bool,
}

/// Failures that pass, with no reply since the first of them.
#[derive(Debug)]
struct Outage {
    since: Instant,
    attempts: u32,
    /// Attempts of which each was begun after the one before had ended, and when the last one had.
    rounds: u32,
    ended: Instant,
    calls: BTreeSet<u64>,
}

/// One failed attempt, whether or not it is tried again.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The model that was asked.
    pub model: &'a ModelId,
    /// The call that it belongs to.
    pub call: u64,
    /// When it was begun.
    pub started: Instant,
    /// When it had failed.
    pub ended: Instant,
}

impl Breaker {
    /// Why no call to `model` may be made. `None` while none is stopped.
    pub fn cause(&self, model: &ModelId) -> Option<String> {
        if !self.open.load(Ordering::Acquire) {
            return None;
        }
        let state = self.state();
        let of_model = || state.models.get(model)?.cause.clone();
        state.provider.cause.clone().or_else(of_model)
    }

    /// Ends as soon as no call to `model` may be made.
    pub async fn opened(&self, model: &ModelId) {
        loop {
            // Made before the look, so that an opening in between is not missed.
            let opened = self.opened.notified();
            if self.cause(model).is_some() {
                return;
            }
            opened.await;
        }
    }

    /// All that is stopped: the provider, or those of its models that are.
    pub fn stopped(&self) -> Vec<Stopped> {
        let state = self.state();
        if let Some(stopped) = state.provider.stopped(None) {
            return vec![stopped];
        }
        state.models.iter().filter_map(|(model, count)| count.stopped(Some(model))).collect()
    }

    /// A call to `model` ended in a reply at `now`.
    pub fn succeeded(&self, model: &ModelId, now: Instant) {
        let mut state = self.state();
        state.provider.succeeded(now);
        match state.models.get_mut(model) {
            Some(count) => count.succeeded(now),
            None => state.models.entry(model.clone()).or_default().succeeded(now),
        }
    }

    /// An attempt failed. `detail` as for [`Breaker::failed`].
    pub fn attempt_failed(&self, attempt: Attempt<'_>, fault: &Fault, detail: impl Fn() -> String) {
        let patience = self.patience;
        self.both(attempt.model, |count| count.attempt_failed(attempt, fault, patience, &detail));
    }

    /// A call to `model` ended in failure after its retries. `detail` is shown to people, so it is redacted already.
    pub fn failed(&self, model: &ModelId, fault: &Fault, detail: &str) {
        self.both(model, |count| count.failed(detail));
        let mut state = self.state();
        match whose(fault) {
            Some(Whose::Key) => state.provider.stop_for_good(detail),
            Some(Whose::Model) => state.models.entry(model.clone()).or_default().stop_for_good(detail),
            None => return,
        }
        drop(state);
        self.open();
    }

    /// Counts at the provider and at the model.
    fn both(&self, model: &ModelId, count: impl Fn(&mut Count)) {
        let mut state = self.state();
        count(&mut state.provider);
        let of_model = state.models.entry(model.clone()).or_default();
        count(of_model);
        let open = of_model.cause.is_some() || state.provider.cause.is_some();
        drop(state);
        if open {
            self.open();
        }
    }

    fn open(&self) {
        self.open.store(true, Ordering::Release);
        self.opened.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a fault says can never be used in this run.
enum Whose {
    Key,
    Model,
}

fn whose(fault: &Fault) -> Option<Whose> {
    match &fault.cause {
        Cause::Status { status: 401 | 403, .. } => Some(Whose::Key),
        Cause::Status { status: 404, code: Some(code) }
            if matches!(code.as_str(), "model_not_found" | "not_found_error" | "DeploymentNotFound") =>
        {
            Some(Whose::Model)
        }
        _ => None,
    }
}

impl Count {
    fn succeeded(&mut self, now: Instant) {
        self.failures = 0;
        self.first = None;
        self.silent = 0;
        self.heard = Some(now);
        self.outage = None;
    }

    fn attempt_failed(
        &mut self,
        attempt: Attempt<'_>,
        fault: &Fault,
        patience: Patience,
        detail: &dyn Fn() -> String,
    ) {
        match fault.cause {
            Cause::Connect | Cause::Timeout => self.silent += 1,
            _ => self.silent = 0,
        }
        if retry::reason(fault).is_none() {
            // Of what was asked, and not of whether anything can be.
            return;
        }
        let heard = self.heard;
        let outage = self.outage.get_or_insert_with(|| Outage {
            // An attempt that took long failed for no longer than since the last reply to another.
            since: heard.map_or(attempt.started, |heard| heard.max(attempt.started)),
            attempts: 0,
            rounds: 0,
            ended: attempt.started,
            calls: BTreeSet::new(),
        });
        outage.attempts += 1;
        if attempt.started >= outage.ended {
            outage.rounds += 1;
            outage.ended = attempt.ended;
        }
        outage.calls.insert(attempt.call);
        let lasted = attempt.ended.saturating_duration_since(outage.since);
        let enough = outage.calls.len() >= CALLS && outage.attempts >= FAILED_ATTEMPTS
            || heard.is_none() && outage.rounds >= ROUNDS_ALONE;
        if lasted >= patience.outage && outage.rounds >= ROUNDS && enough {
            self.stop(format!("every attempt of {} s failed, the last with {}", lasted.as_secs(), detail()));
        } else if heard.is_none()
            && self.silent >= SILENT_ATTEMPTS
            && outage.rounds > 1
            && lasted >= patience.silence
        {
            self.stop(detail());
        }
    }

    fn failed(&mut self, detail: &str) {
        self.failures += 1;
        let first = self.first.get_or_insert_with(|| detail.to_owned()).clone();
        if self.failures >= CALLS_IN_A_ROW {
            self.stop(first);
        }
    }

    fn stop_for_good(&mut self, cause: &str) {
        self.for_good |= self.cause.is_none();
        self.stop(cause.to_owned());
    }

    fn stopped(&self, model: Option<&ModelId>) -> Option<Stopped> {
        Some(Stopped { model: model.cloned(), cause: self.cause.clone()?, for_good: self.for_good })
    }

    /// The first reason stays.
    fn stop(&mut self, cause: String) {
        self.cause.get_or_insert(cause);
    }
}

#[cfg(test)]
mod tests;
