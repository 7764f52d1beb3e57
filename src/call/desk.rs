//! Where an answer comes from: a recording, the store of earlier runs, or a call. Every completed exchange is
//! stored before anyone hears of it; a failure never is.

use super::budget::{Budget, Reservation};
use super::flights::Flights;
use super::outcome::Paying;
use super::{CallFailure, FailureKind, Providers, miss, vectors};
use crate::domain::exchange::Source;
use crate::domain::grade::{CallRecord, CallRole};
use crate::domain::{
    Digest, Error, Exchange, ModelId, PromptName, ProviderName, Reply, Request, Result, Usage, Usd,
};
use crate::ledger::{ExchangeStore, Prices, Recordings};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// The API of what runs in this binary: it needs neither network nor key, is as fast as a store, and is never stored.
const BUILTIN: &str = "builtin";

/// Which sources may be used.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Policy {
    /// Store and recordings first, then calls.
    #[default]
    Normal,
    /// Store and recordings only.
    Offline,
    /// Calls only: a run without a cache. What they bring is stored, so that it can be continued all the same.
    Fresh,
    /// As [`Policy::Fresh`], but what completed at this time or later (RFC 3339) holds: such a run continued, or the
    /// other side of one.
    Since(String),
}

/// A reply, and where it came from.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The reply.
    pub reply: Reply,
    /// The key of its exchange.
    pub key: Digest,
    /// Where it came from.
    pub source: Source,
    /// Milliseconds of the call; the original ones when it was not live.
    pub latency_ms: u64,
    /// Failed attempts before it.
    pub retries: u32,
    /// Its price as if live; `None` when the model has none.
    pub cost: Option<Usd>,
}

/// Why there is no reply.
#[derive(Debug)]
pub enum Denied {
    /// Offline, and neither stored nor recorded.
    NotRecorded,
    /// The cost limit would be exceeded.
    CostLimit,
    /// The provider failed, after its retries.
    Failed(CallFailure),
    /// The store could not be read or written: the run ends.
    Storage(Error),
}

fn denied(failure: CallFailure) -> Denied {
    match failure.kind {
        FailureKind::CostLimit => Denied::CostLimit,
        _ => Denied::Failed(failure),
    }
}

/// What a call is paid from.
struct Paid<'a> {
    reservation: Reservation<'a>,
    prices: &'a Prices,
    model: &'a ModelId,
    provider: &'a ProviderName,
    /// Whether one request at a time uses what is set aside.
    alone: bool,
}

impl Paying for Paid<'_> {
    fn failed(&self, usage: &Usage) {
        self.reservation.attempt_failed(self.prices.cost(self.model, self.provider, usage));
    }

    fn again(&self) -> BoxFuture<'_, bool> {
        if self.alone {
            self.reservation.again().boxed()
        } else {
            std::future::ready(self.reservation.still_fits()).boxed()
        }
    }
}

/// Requests that are compared with for saying why another is not stored.
const COMPARED: usize = 500;

/// Why requests were not in the store.
#[derive(Debug, Default)]
pub struct Misses {
    stored: OnceLock<Vec<Exchange>>,
    found: Mutex<BTreeMap<String, u64>>,
}

impl Misses {
    fn add(&self, request: &Request, store: &ExchangeStore, recordings: &[Recordings]) {
        let stored = self.stored.get_or_init(|| {
            let mut all = store.newest(COMPARED).unwrap_or_default();
            all.extend(recordings.iter().flat_map(|one| one.some(COMPARED)));
            all
        });
        let why = miss::explain(request, stored.iter().map(|exchange| &exchange.request));
        let why = why.unwrap_or_else(|| "nothing is stored or recorded".to_owned());
        *self.found.lock().unwrap_or_else(PoisonError::into_inner).entry(why).or_default() += 1;
    }

    /// Each reason with how many calls it made necessary.
    pub fn counted(&self) -> Vec<(String, u64)> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.iter().map(|(why, count)| (why.clone(), *count)).collect()
    }
}

/// Everything that is needed to get a reply.
#[derive(Debug)]
pub struct Desk {
    /// Who is called.
    pub providers: Providers,
    /// Exchanges of earlier runs, and of this one.
    pub store: ExchangeStore,
    /// Committed exchanges, of each prompt.
    pub recordings: Vec<Recordings>,
    /// What calls cost.
    pub prices: Prices,
    /// What may be spent, by all that share it.
    pub budget: Arc<Budget>,
    /// Which sources may be used.
    pub policy: Policy,
    /// The clock: RFC 3339 in UTC.
    pub now: fn() -> String,
    /// Why requests were not at hand, counted, where that is to be said.
    pub misses: Option<Misses>,
    /// The exchanges of this run, kept where they are to be recorded.
    pub recorded: Option<Mutex<Vec<(PromptName, Exchange)>>>,
    /// The requests under way. The trial's number is part of a request, so that only what would be the same answer is
    /// asked for once.
    pub flights: Flights,
}

impl Desk {
    /// Gets a reply to `request`, which a run of `prompt` makes.
    ///
    /// # Errors
    /// See [`Denied`].
    pub async fn ask(&self, request: &Request, prompt: &PromptName) -> Result<Answered, Denied> {
        self.get(request, prompt, false).await
    }

    /// As [`Desk::ask`], but what earlier runs stored is not used. Of what this run called, the first reply holds: asking
    /// again until one pleases is no evidence.
    ///
    /// # Errors
    /// See [`Denied`].
    pub async fn ask_anew(&self, request: &Request, prompt: &PromptName) -> Result<Answered, Denied> {
        self.get(request, prompt, true).await
    }

    /// What an earlier run stored or recorded under a request, where this run may call it anew.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn earlier(&self, request: &Request) -> Result<Option<Exchange>> {
        let any = self.recordings.iter().any(|one| !one.is_empty()) || self.store.has_earlier()?;
        // Working out a key takes longer than all the rest.
        if self.policy != Policy::Normal || !any {
            return Ok(None);
        }
        let key = request.key();
        if self.store.is_own(&key)? {
            return Ok(None);
        }
        Ok(self.stored(&key)?.map(|(exchange, _)| exchange))
    }

    async fn get(&self, request: &Request, prompt: &PromptName, anew: bool) -> Result<Answered, Denied> {
        let key = request.key();
        // Of what is to be called anew, only what this run called itself holds.
        let usable = || Ok(!anew || self.store.is_own(&key).map_err(Denied::Storage)?);
        if usable()?
            && let Some(answered) = self.at_hand(request, key, prompt)?
        {
            return Ok(answered);
        }
        if self.policy == Policy::Offline && request.api != BUILTIN {
            self.explain(request);
            return Err(Denied::NotRecorded);
        }
        let keeps = request.cacheable && request.api != BUILTIN;
        let _flight = if keeps { Some(self.flights.enter(key).await) } else { None };
        // Whoever made the same request in the meantime has stored what came of it.
        if keeps
            && usable()?
            && let Some(answered) = self.at_hand(request, key, prompt)?
        {
            return Ok(answered);
        }
        if !anew {
            self.explain(request);
        }
        let reservation = self.budget.reserve(request, &self.prices).await.ok_or(Denied::CostLimit)?;
        let (model, provider) = (&request.model, &request.provider);
        let paid = Paid { reservation, prices: &self.prices, model, provider, alone: true };
        let outcome = self.providers.call_within(request, &paid).await;
        let answer = outcome.result.map_err(denied)?;
        let cost = self.prices.cost(model, provider, &answer.reply.usage);
        paid.reservation.settle(cost);
        let retries = u32::try_from(outcome.retries.len()).unwrap_or(u32::MAX);
        let exchange = Exchange {
            key,
            request: request.clone(),
            reply: answer.reply,
            latency_ms: answer.latency_ms,
            at: (self.now)(),
        };
        if keeps {
            self.store.put(&exchange).map_err(Denied::Storage)?;
        }
        let reply = exchange.reply.clone();
        self.record(prompt, exchange);
        Ok(Answered { reply, key, source: Source::Live, latency_ms: answer.latency_ms, retries, cost })
    }

    /// Says why a request is not at hand, where that is to be said.
    fn explain(&self, request: &Request) {
        if let Some(misses) = self.misses.as_ref().filter(|_| request.api != BUILTIN) {
            misses.add(request, &self.store, &self.recordings);
        }
    }

    /// The stored or recorded reply to `request`, whose key is `key`.
    fn at_hand(
        &self,
        request: &Request,
        key: Digest,
        prompt: &PromptName,
    ) -> Result<Option<Answered>, Denied> {
        let Some((exchange, source)) = self.stored(&key).map_err(Denied::Storage)? else { return Ok(None) };
        let cost = self.prices.cost(&request.model, &request.provider, &exchange.reply.usage);
        let (latency_ms, reply) = (exchange.latency_ms, exchange.reply.clone());
        self.record(prompt, exchange);
        Ok(Some(Answered { reply, key, source, latency_ms, retries: 0, cost }))
    }

    /// The vectors of `texts`, which a run of `prompt` compares, and the call that brought them. They are stored and
    /// recorded like any reply.
    ///
    /// # Errors
    /// See [`Denied`].
    pub async fn embed(
        &self,
        provider: &ProviderName,
        model: &ModelId,
        texts: &[String],
        prompt: &PromptName,
    ) -> Result<(Vec<Vec<f32>>, CallRecord), Denied> {
        let request = vectors::request(provider, model, texts);
        let key = request.key();
        let call = |source, usage: &Usage, latency_ms| CallRecord {
            role: CallRole::Embedding,
            source,
            key,
            retries: 0,
            latency_ms,
            usage: *usage,
            cost: self.prices.cost(model, provider, usage),
        };
        if let Some((exchange, source)) = self.stored(&key).map_err(Denied::Storage)?
            && let Some(found) = vectors::read(&exchange.reply.text)
        {
            let call = call(source, &exchange.reply.usage, exchange.latency_ms);
            self.record(prompt, exchange);
            return Ok((found, call));
        }
        let (found, usage, latency_ms) = self.embed_now(provider, model, texts).await?;
        let reply = vectors::reply(&found, usage);
        let exchange = Exchange { key, request, reply, latency_ms, at: (self.now)() };
        self.store.put(&exchange).map_err(Denied::Storage)?;
        self.record(prompt, exchange);
        Ok((found, call(Source::Live, &usage, latency_ms)))
    }

    /// The vectors of `texts` by a call, what it used, and its milliseconds with retries. Nothing is stored.
    ///
    /// # Errors
    /// See [`Denied`].
    pub async fn embed_now(
        &self,
        provider: &ProviderName,
        model: &ModelId,
        texts: &[String],
    ) -> Result<(Vec<Vec<f32>>, Usage, u64), Denied> {
        if self.policy == Policy::Offline {
            return Err(Denied::NotRecorded);
        }
        let reserved = self.budget.reserve_texts(model, provider, texts, &self.prices).await;
        let reservation = reserved.ok_or(Denied::CostLimit)?;
        let started = Instant::now();
        let paid = Paid { reservation, prices: &self.prices, model, provider, alone: false };
        let embedded = self.providers.embed_counted(provider, model, texts, &paid).await;
        let (found, usage) = embedded.map_err(denied)?;
        paid.reservation.settle(self.prices.cost(model, provider, &usage));
        Ok((found, usage, u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)))
    }

    /// Whether a reply to `request` is at hand without a call.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn has(&self, request: &Request) -> Result<bool> {
        Ok(request.api == BUILTIN || self.stored(&request.key())?.is_some())
    }

    /// The reply that is at hand without a call.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn stored(&self, key: &Digest) -> Result<Option<(Exchange, Source)>> {
        let since = if let Policy::Since(since) = &self.policy { Some(since.as_str()) } else { None };
        if let Some(exchange) = self.store.get_since(key, since)? {
            return Ok(Some((exchange, Source::Cached)));
        }
        if matches!(self.policy, Policy::Fresh | Policy::Since(_)) {
            return Ok(None);
        }
        Ok(self
            .recordings
            .iter()
            .find_map(|recordings| recordings.get(key))
            .map(|found| (found, Source::Recorded)))
    }

    /// Puts an exchange of a run of `prompt` among those to be recorded, where that was asked for.
    pub fn record(&self, prompt: &PromptName, exchange: Exchange) {
        if let Some(recorded) = &self.recorded
            && exchange.request.cacheable
        {
            recorded.lock().unwrap_or_else(PoisonError::into_inner).push((prompt.clone(), exchange));
        }
    }
}
