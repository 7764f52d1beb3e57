//! The cost limit of a run: money is reserved before a call and settled after it, so that the limit is never
//! exceeded, however many calls are under way.

use super::anthropic::DEFAULT_MAX_TOKENS;
use crate::domain::model::{self, ModelFacts};
use crate::domain::{ModelId, ProviderName, Request, Usage, Usd};
use crate::ledger::Prices;
use crate::render::tokens;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Output tokens to reserve for where neither the request nor the model table says more.
const DEFAULT_OUTPUT: u64 = 4096;

/// What a run may still spend.
#[derive(Debug, Default)]
pub struct Budget {
    limit: Option<Usd>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    spent: Usd,
    reserved: Usd,
    refused: Option<Refused>,
}

/// The calls that were not made because of the limit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Refused {
    /// How many.
    pub calls: u64,
    /// What the cheapest of them could have cost at most.
    pub most: Usd,
    /// What is spent.
    pub spent: Usd,
    /// The limit.
    pub limit: Usd,
}

/// Money set aside for one call. Dropping it gives the money back: the call failed, or was given up.
#[derive(Debug)]
pub struct Reservation<'b> {
    budget: &'b Budget,
    most: Usd,
    held: AtomicBool,
}

impl Budget {
    /// A budget of `limit`; without one, everything is granted.
    pub fn new(limit: Option<Usd>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Sets aside what `request` could cost at most. What is set aside for other calls comes back in part when they
    /// end, so that it is waited for. `None` when the call could exceed the limit even then, or when the model has no
    /// price while there is a limit.
    pub async fn reserve(&self, request: &Request, prices: &Prices) -> Option<Reservation<'_>> {
        self.set_aside(|| prices.cost(&request.model, &request.provider, &most_usage(request))).await
    }

    /// As [`Budget::reserve`] for the embeddings of texts.
    pub async fn reserve_texts(
        &self,
        model: &ModelId,
        provider: &ProviderName,
        texts: &[String],
        prices: &Prices,
    ) -> Option<Reservation<'_>> {
        let tokens = |text: &String| {
            let count = tokens::count(model, text);
            if count.estimate { count.tokens + count.tokens / 10 + 16 } else { count.tokens + 16 }
        };
        let most = || {
            let input = Some(texts.iter().map(tokens).sum());
            prices.cost(model, provider, &Usage { input, output: Some(0), ..Usage::default() })
        };
        self.set_aside(most).await
    }

    /// Whether there is a limit.
    pub fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    /// The calls that were not made; `None` while the limit kept none back.
    pub fn refused(&self) -> Option<Refused> {
        let state = self.state();
        state.refused.map(|refused| Refused { spent: state.spent, ..refused })
    }

    async fn set_aside(&self, most: impl FnOnce() -> Option<Usd>) -> Option<Reservation<'_>> {
        let most = if self.is_limited() { most()? } else { Usd::ZERO };
        // Made only where it was granted, for dropping one gives money back.
        self.granted(most).await.then(|| Reservation { budget: self, most, held: AtomicBool::new(true) })
    }

    /// Whether `most` is set aside, as soon as that is known.
    async fn granted(&self, most: Usd) -> bool {
        let Some(limit) = self.limit else { return true };
        loop {
            // Made before the look, so that money that comes back in between is not missed.
            let changed = self.changed.notified();
            let granted = self.state().take(most, limit);
            match granted {
                Some(granted) => return granted,
                None => changed.await,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether `most` is granted; `None` when that depends on calls that are under way.
    fn take(&mut self, most: Usd, limit: Usd) -> Option<bool> {
        if self.spent + most > limit {
            self.refuse(most, limit);
            return Some(false);
        }
        let fits = self.spent + self.reserved + most <= limit;
        fits.then(|| {
            self.reserved += most;
            true
        })
    }

    /// Counts a call that is not made.
    fn refuse(&mut self, most: Usd, limit: Usd) {
        let before = self.refused.unwrap_or(Refused { calls: 0, most, spent: self.spent, limit });
        self.refused = Some(Refused { calls: before.calls + 1, most: before.most.min(most), ..before });
    }
}

impl Reservation<'_> {
    /// Books what a failed attempt cost; where that is not known, all that was set aside.
    pub fn attempt_failed(&self, cost: Option<Usd>) {
        self.budget.state().spent += cost.unwrap_or(self.most);
    }

    /// Whether there may be another attempt after one that was paid for: the money is given back and set aside anew, as
    /// for a call of its own. Two that waited for each other with money in their hands would wait for ever.
    pub async fn again(&self) -> bool {
        self.give_back();
        let granted = self.budget.granted(self.most).await;
        self.held.store(granted, Ordering::Relaxed);
        granted
    }

    /// As [`Reservation::again`] for one of several requests that share what is set aside: nothing is waited for.
    pub fn still_fits(&self) -> bool {
        let mut state = self.budget.state();
        let Some(limit) = self.budget.limit else { return true };
        let fits = state.spent + state.reserved <= limit;
        if !fits {
            state.refuse(self.most, limit);
        }
        fits
    }

    fn give_back(&self) {
        if !self.held.swap(false, Ordering::Relaxed) {
            return;
        }
        let mut state = self.budget.state();
        state.reserved = Usd(state.reserved.0 - self.most.0);
        drop(state);
        self.budget.changed.notify_waiters();
    }

    /// Books what the completed call cost; where that is not known, all that was set aside.
    pub fn settle(self, cost: Option<Usd>) {
        self.budget.state().spent += cost.unwrap_or(self.most);
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// The most that a request can use: its input as counted, a tenth more where the count is an estimate, and
/// every output token that it may have.
pub fn most_usage(request: &Request) -> Usage {
    let count = tokens::of_request(request);
    let input = if count.estimate { count.tokens + count.tokens / 10 + 16 } else { count.tokens + 16 };
    let table = model::facts(&request.model).and_then(|facts: &ModelFacts| facts.max_output);
    // Messages demands a limit, so that a request without one is sent with a default.
    let sent = (request.api == "anthropic").then_some(u64::from(DEFAULT_MAX_TOKENS));
    let output = request.parameters.max_tokens.map(u64::from).or(sent).or(table).unwrap_or(DEFAULT_OUTPUT);
    Usage { input: Some(input), output: Some(output), ..Usage::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    fn usd(text: &str) -> Usd {
        text.parse().expect("an amount")
    }

    async fn take<'b>(budget: &'b Budget, most: &str) -> Option<Reservation<'b>> {
        budget.set_aside(|| Some(usd(most))).await
    }

    #[tokio::test]
    async fn a_call_waits_for_the_money_of_others_and_is_not_refused_for_it() {
        let budget = Arc::new(Budget::new(Some(usd("1"))));
        let first = take(&budget, "0.9").await.expect("there is enough");
        let second = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { take(&budget, "0.9").await.map(|granted| granted.settle(Some(usd("0.2")))) }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        first.settle(Some(usd("0.1")));
        assert_eq!(second.await.expect("joined"), Some(()));
        assert_eq!(budget.refused(), None);
        // Spent are 0.3, and nothing that could come back helps.
        assert!(take(&budget, "0.8").await.is_none());
        assert!(take(&budget, "0.75").await.is_none());
        let refused = Refused { calls: 2, most: usd("0.75"), spent: usd("0.3"), limit: usd("1") };
        assert_eq!(budget.refused(), Some(refused));
        assert!(take(&budget, "0.7").await.is_some(), "a cheaper one fits exactly");
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_gives_its_money_back() {
        let budget = Budget::new(Some(usd("1")));
        let held = take(&budget, "1").await.expect("there is enough");
        assert!(tokio::time::timeout(Duration::from_millis(20), take(&budget, "1")).await.is_err());
        drop(held);
        let again = take(&budget, "1").await.expect("it came back");
        again.settle(None);
        assert!(take(&budget, "0.01").await.is_none(), "what is not known counts as all of it");
    }

    #[tokio::test]
    async fn a_failed_attempt_that_is_paid_for_leaves_less_for_the_next() {
        let budget = Budget::new(Some(usd("1")));
        let call = take(&budget, "0.4").await.expect("there is enough");
        for again in [true, true, false] {
            call.attempt_failed(Some(usd("0.3")));
            assert_eq!(call.again().await, again, "after {:?}", budget.state().spent);
        }
        drop(call);
        assert_eq!(budget.refused().map(|refused| (refused.calls, refused.spent)), Some((1, usd("0.9"))));
        assert!(take(&budget, "0.1").await.is_some(), "everything came back");
    }

    #[tokio::test]
    async fn two_attempts_that_were_paid_for_do_not_wait_for_each_other() {
        let budget = Budget::new(Some(usd("1")));
        let (one, two) =
            (take(&budget, "0.5").await.expect("half"), take(&budget, "0.5").await.expect("half"));
        one.attempt_failed(Some(usd("0.1")));
        two.attempt_failed(Some(usd("0.1")));
        assert!(!one.still_fits(), "with the other's half");
        // Either may go on when the other has ended.
        let (again, ()) = tokio::join!(one.again(), async { two.settle(Some(usd("0.1"))) });
        assert!(again);
        assert_eq!(budget.state().reserved, usd("0.5"));
    }

    #[tokio::test]
    async fn without_a_limit_everything_is_granted_and_without_a_price_nothing_under_one() {
        assert!(Budget::new(None).set_aside(|| None).await.is_some());
        assert!(Budget::new(Some(usd("1"))).set_aside(|| None).await.is_none());
    }
}
