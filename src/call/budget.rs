//! The cost limit of a run: money is reserved before a call and settled after it, so that the limit is never
//! exceeded, however many calls are under way.

use super::anthropic::DEFAULT_MAX_TOKENS;
use crate::domain::model::{self, ModelFacts};
use crate::domain::{ModelId, ProviderName, Request, Usage, Usd};
use crate::ledger::Prices;
use crate::render::tokens;
use std::sync::{Mutex, PoisonError};

/// Output tokens to reserve for where neither the request nor the model table says more.
const DEFAULT_OUTPUT: u64 = 4096;

/// What a run may still spend.
#[derive(Debug, Default)]
pub struct Budget {
    limit: Option<Usd>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    spent: Usd,
    reserved: Usd,
}

/// Money set aside for one call; settled by [`Budget::settle`].
#[derive(Debug)]
pub struct Reservation(Usd);

impl Budget {
    /// A budget of `limit`; without one, everything is granted.
    pub fn new(limit: Option<Usd>) -> Self {
        Self { limit, state: Mutex::default() }
    }

    /// Sets aside what `request` could cost at most. `None` when that could exceed the limit, or when the
    /// model has no price while there is a limit.
    pub fn reserve(&self, request: &Request, prices: &Prices) -> Option<Reservation> {
        self.set_aside(|| prices.cost(&request.model, &request.provider, &most_usage(request)))
    }

    /// As [`Budget::reserve`] for the embeddings of texts.
    pub fn reserve_texts(
        &self,
        model: &ModelId,
        provider: &ProviderName,
        texts: &[String],
        prices: &Prices,
    ) -> Option<Reservation> {
        let tokens = |text: &String| {
            let count = tokens::count(model, text);
            if count.estimate { count.tokens + count.tokens / 10 + 16 } else { count.tokens + 16 }
        };
        self.set_aside(|| {
            let input = Some(texts.iter().map(tokens).sum());
            prices.cost(model, provider, &Usage { input, output: Some(0), ..Usage::default() })
        })
    }

    /// Whether there is a limit.
    pub fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    fn set_aside(&self, most: impl FnOnce() -> Option<Usd>) -> Option<Reservation> {
        let Some(limit) = self.limit else { return Some(Reservation(Usd::ZERO)) };
        let most = most()?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.spent + state.reserved + most > limit {
            return None;
        }
        state.reserved += most;
        Some(Reservation(most))
    }

    /// Books what a completed call cost; where that is not known, all that was set aside.
    pub fn settle(&self, reservation: &Reservation, cost: Option<Usd>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.reserved = Usd(state.reserved.0 - reservation.0.0);
        state.spent += cost.unwrap_or(reservation.0);
    }

    /// Gives back what was set aside for a call that failed.
    pub fn release(&self, reservation: &Reservation) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.reserved = Usd(state.reserved.0 - reservation.0.0);
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
