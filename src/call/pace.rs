//! How fast one provider is asked: calls at once, requests and tokens per minute, and what it says itself.

use super::window::Window;
use crate::domain::Usage;
use crate::manifest::project::ProviderConfig;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

/// Why a call waited before it was sent. Waiting for a free place among the calls at once is not counted:
/// that is the work itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum WaitReason {
    /// `requests_per_minute`.
    Requests,
    /// `input_tokens_per_minute`.
    InputTokens,
    /// `output_tokens_per_minute`.
    OutputTokens,
    /// The provider's own rate-limit headers.
    Provider,
}

impl WaitReason {
    /// The word for it in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests_per_minute",
            Self::InputTokens => "input_tokens_per_minute",
            Self::OutputTokens => "output_tokens_per_minute",
            Self::Provider => "provider_limit",
        }
    }
}

/// Tokens that a call is expected to take; corrected as soon as its usage is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Estimate {
    /// Input tokens.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
}

/// How an attempt ended, as far as pacing cares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// With a reply, which took these tokens.
    Replied(Usage),
    /// The provider said that it is too much (429, 503, 529).
    Throttled,
    /// Otherwise without a reply.
    Failed,
}

/// Share of the calls at once that is kept when a provider says that it is too much.
const DECREASE: f64 = 0.7;
/// Replies in a row after which one more call at once is tried.
const INCREASE_AFTER: u32 = 4;

#[derive(Debug)]
struct State {
    /// Calls at once, as adapted; from 1 to the configured number.
    target: u32,
    /// Places that exist, free or taken. Above `target` until taken ones come back.
    places: u32,
    /// Replies since the target last changed.
    streak: u32,
    decreased_at: Option<Instant>,
    hold_until: Option<Instant>,
    requests: Option<Window>,
    input: Option<Window>,
    output: Option<Window>,
}

/// The pace of one provider.
#[derive(Debug)]
pub struct Pace {
    ceiling: u32,
    places: Semaphore,
    /// Calls that wait for their share of a minute stand in line, first come first served.
    line: tokio::sync::Mutex<()>,
    refunded: Notify,
    limited: bool,
    state: Mutex<State>,
}

/// A place among the calls at once. Dropping it frees the place.
#[derive(Debug)]
pub struct Slot<'a> {
    pace: &'a Pace,
    place: Option<SemaphorePermit<'a>>,
    started: Instant,
    input: Option<u64>,
    output: Option<u64>,
}

impl Pace {
    /// The pace that a provider's configuration allows; `cap` lowers its calls at once.
    pub fn new(config: &ProviderConfig, cap: Option<u32>) -> Self {
        let ceiling = config.concurrency.min(cap.unwrap_or(u32::MAX)).max(1);
        let state = State {
            target: ceiling,
            places: ceiling,
            streak: 0,
            decreased_at: None,
            hold_until: None,
            requests: config.requests_per_minute.map(Window::new),
            input: config.input_tokens_per_minute.map(Window::new),
            output: config.output_tokens_per_minute.map(Window::new),
        };
        Self {
            ceiling,
            places: Semaphore::new(
                usize::try_from(ceiling).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS),
            ),
            line: tokio::sync::Mutex::new(()),
            refunded: Notify::new(),
            limited: state.requests.is_some() || state.input.is_some() || state.output.is_some(),
            state: Mutex::new(state),
        }
    }

    /// Whether tokens are limited, so that an estimate is worth making.
    pub fn counts_tokens(&self) -> bool {
        let state = self.state();
        state.input.is_some() || state.output.is_some()
    }

    /// Calls at once, as adapted so far.
    pub fn target(&self) -> u32 {
        self.state().target
    }

    /// Whether the provider asked to be left alone, at any time.
    #[cfg(test)]
    pub fn is_held(&self) -> bool {
        self.state().hold_until.is_some()
    }

    /// Waits for a place and for a share of the minute, unless `over` ends first: then there is none. Says what was
    /// waited for, beside a place.
    pub async fn acquire(
        &self,
        estimate: Estimate,
        over: impl Future<Output = ()>,
    ) -> (Option<Slot<'_>>, Vec<(WaitReason, Duration)>) {
        let mut waits = Vec::new();
        tokio::pin!(over);
        let slot = self.wait(estimate, &mut waits, &mut over).await;
        (slot, waits)
    }

    async fn wait(
        &self,
        estimate: Estimate,
        waits: &mut Vec<(WaitReason, Duration)>,
        over: &mut (impl Future<Output = ()> + Unpin),
    ) -> Option<Slot<'_>> {
        // The semaphore is never closed; without a place the call goes ahead rather than hang.
        let place = tokio::select! {
            biased;
            place = self.places.acquire() => place.ok(),
            () = &mut *over => return None,
        };
        let mut slot = Slot { pace: self, place, started: Instant::now(), input: None, output: None };
        self.wait_for_provider(waits, over).await?;
        if self.limited {
            self.wait_in_line(estimate, &mut slot, waits, over).await?;
            // It may have asked to be left alone in the meantime.
            self.wait_for_provider(waits, over).await?;
        }
        slot.started = Instant::now();
        Some(slot)
    }

    async fn wait_for_provider(
        &self,
        waits: &mut Vec<(WaitReason, Duration)>,
        over: &mut (impl Future<Output = ()> + Unpin),
    ) -> Option<()> {
        loop {
            let now = Instant::now();
            let Some(until) = self.state().hold_until.filter(|until| *until > now) else { return Some(()) };
            let ended = tokio::select! {
                () = tokio::time::sleep_until(until.into()) => Some(()),
                () = &mut *over => None,
            };
            waits.push((WaitReason::Provider, now.elapsed()));
            ended?;
        }
    }

    async fn wait_in_line(
        &self,
        estimate: Estimate,
        slot: &mut Slot<'_>,
        waits: &mut Vec<(WaitReason, Duration)>,
        over: &mut (impl Future<Output = ()> + Unpin),
    ) -> Option<()> {
        let _turn = tokio::select! {
            turn = self.line.lock() => turn,
            () = &mut *over => return None,
        };
        loop {
            // Made before the look, so that a refund in between is not missed.
            let refunded = self.refunded.notified();
            let now = Instant::now();
            let blocked = self.state().take(now, estimate, slot);
            let Some((reason, until)) = blocked else { return Some(()) };
            let ended = tokio::select! {
                () = tokio::time::sleep_until(until.into()) => Some(()),
                () = refunded => Some(()),
                () = &mut *over => None,
            };
            waits.push((reason, now.elapsed()));
            ended?;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes a share of every limited quantity at once, or says what is short and until when.
    fn take(
        &mut self,
        now: Instant,
        estimate: Estimate,
        slot: &mut Slot<'_>,
    ) -> Option<(WaitReason, Instant)> {
        let blocked = [
            (WaitReason::Requests, self.requests.as_mut(), 1),
            (WaitReason::InputTokens, self.input.as_mut(), estimate.input),
            (WaitReason::OutputTokens, self.output.as_mut(), estimate.output),
        ]
        .into_iter()
        .filter_map(|(reason, window, cost)| Some((reason, window?.ready_at(now, cost)?)))
        .max_by_key(|(_, until)| *until);
        if blocked.is_some() {
            return blocked;
        }
        if let Some(window) = &mut self.requests {
            window.take(now, 1);
        }
        slot.input = self.input.as_mut().map(|window| window.take(now, estimate.input));
        slot.output = self.output.as_mut().map(|window| window.take(now, estimate.output));
        None
    }

    /// Lowers the target once for all the calls that were under way together.
    fn decrease(&mut self, started: Instant, now: Instant) {
        if self.decreased_at.is_some_and(|at| started <= at) {
            return;
        }
        self.decreased_at = Some(now);
        self.streak = 0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a u32")]
        let kept = (f64::from(self.target) * DECREASE) as u32;
        self.target = kept.max(1);
    }

    /// Raises the target by one after a row of replies.
    fn increase(&mut self, ceiling: u32) {
        if self.target >= ceiling {
            return;
        }
        self.streak += 1;
        if self.streak >= INCREASE_AFTER.min(self.target) {
            self.streak = 0;
            self.target += 1;
        }
    }
}

impl Slot<'_> {
    /// Reports how the attempt ended and frees the place. `hold`: send nothing more for this long.
    pub fn finish(self, outcome: Ended, hold: Option<Duration>) {
        let now = Instant::now();
        let mut refund = false;
        let mut state = self.pace.state();
        match outcome {
            Ended::Replied(usage) => {
                state.increase(self.pace.ceiling);
                refund |= settle(&mut state.input, self.input, usage.input);
                refund |= settle(&mut state.output, self.output, usage.output);
            }
            Ended::Throttled => {
                state.decrease(self.started, now);
                let excess = state.places.saturating_sub(state.target);
                let idle = self.pace.places.forget_permits(usize::try_from(excess).unwrap_or(usize::MAX));
                state.places -= u32::try_from(idle).unwrap_or(excess).min(excess);
                // Nothing was generated; whether the input was counted only the provider knows.
                refund |= settle(&mut state.output, self.output, Some(0));
            }
            Ended::Failed => {}
        }
        if let Some(hold) = hold {
            let until = now + hold;
            state.hold_until = Some(state.hold_until.map_or(until, |have| have.max(until)));
        }
        drop(state);
        if refund {
            self.pace.refunded.notify_waiters();
        }
    }
}

fn settle(window: &mut Option<Window>, ticket: Option<u64>, actual: Option<u64>) -> bool {
    match (window, ticket, actual) {
        (Some(window), Some(ticket), Some(actual)) => {
            window.settle(ticket, actual);
            true
        }
        _ => false,
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut state = self.pace.state();
        if state.places > state.target {
            // One place too many: this one does not come back.
            if let Some(place) = self.place.take() {
                place.forget();
                state.places -= 1;
            }
        } else if state.places < state.target {
            let more = state.target - state.places;
            state.places = state.target;
            self.pace.places.add_permits(usize::try_from(more).unwrap_or(1));
        }
    }
}

#[cfg(test)]
mod tests;
