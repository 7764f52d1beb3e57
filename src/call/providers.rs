//! Every provider of a project, ready to be called: encode, pace, send, decode, retry.

use super::batches::batches;
use super::breaker::Attempt;
use super::dispatch::{Prepared, Tried, paced, prepare, ran, read, used};
use super::endpoint::{Lack, Unready, secrets};
use super::environment::Environment;
use super::fault::{Cause, Fault};
use super::https::{Https, now, unit_random};
use super::lane::{Lane, Limits, Pacing};
use super::outcome::{Answer, CallFailure, FailureKind, Outcome, Paying, RetryNote, WaitNote};
use super::pace::{Ended, Estimate};
use super::ratelimit;
use super::retry::{Backoff, Next, advised, decide};
use super::secret::Redactor;
use super::stop::Stop;
use super::wire::{HttpRequest, HttpResponse, Transport};
use super::{anthropic, builtin, exec, openai_embeddings, program, usage};
use crate::domain::{self, Error, ModelId, ProviderName, Reply, Request, Usage};
use crate::manifest::project::{Api, Project};
use futures_util::future::try_join_all;
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Counts the tokens of a request before it is sent.
pub type TokenCounter = fn(&Request) -> u64;

/// The providers of one project. One value serves a whole run, from any number of tasks.
#[derive(Debug)]
pub struct Providers<T = Https> {
    lanes: HashMap<ProviderName, Lane>,
    redactor: Redactor,
    backoff: Backoff,
    root: PathBuf,
    count_input: TokenCounter,
    transport: T,
    stop: Stop,
}

impl Providers<Https> {
    /// The providers of `project` over HTTPS. Nothing is opened, read or checked yet.
    #[expect(clippy::needless_pass_by_value, reason = "nothing else keeps the secrets afterwards")]
    pub fn new(project: &Project, environment: Environment, limits: Limits) -> Self {
        let transport = Https::new(&environment);
        Self::with_transport(project, &environment, limits, transport)
    }
}

impl<T: Transport> Providers<T> {
    /// The providers of `project` over another transport.
    pub fn with_transport(
        project: &Project,
        environment: &Environment,
        limits: Limits,
        transport: T,
    ) -> Self {
        let configs = || project.providers.values();
        let known = configs().flat_map(|config| secrets(config, environment));
        Self {
            redactor: Redactor::new(known.chain(environment.guessed_secrets())),
            lanes: configs()
                .map(|config| (config.name.clone(), Lane::new(config, environment, &limits)))
                .collect(),
            backoff: Backoff::new(limits.retries),
            root: limits.root,
            count_input: a_quarter_of_the_bytes,
            transport,
            stop: Stop::default(),
        }
    }

    /// The same providers, which send nothing more once `stop` is asked for.
    #[must_use]
    pub fn with_stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// The same providers with other waits between retries.
    #[must_use]
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// The same providers with a real tokenizer for `input_tokens_per_minute`. Without one, four bytes count
    /// as a token. Only providers with a limit on tokens ask it.
    #[must_use]
    pub fn with_counter(mut self, count_input: TokenCounter) -> Self {
        self.count_input = count_input;
        self
    }

    /// Takes every secret of this project's providers out of a text.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// What pacing took so far, in the order of the providers' names; those that never waited are left out.
    pub fn pacing(&self) -> Vec<Pacing> {
        let mut all: Vec<Pacing> = self.lanes.values().map(Lane::pacing).collect();
        all.retain(|one| !one.retries.is_empty() || !one.waits.is_empty() || !one.stopped.is_empty());
        all.sort_by(|a, b| a.provider.cmp(&b.provider));
        all
    }

    /// The providers that were called and whose own limit on calls at once is below `asked`, with that limit.
    pub fn below(&self, asked: u32) -> BTreeMap<ProviderName, u32> {
        let lanes = self.lanes.values().filter(|lane| lane.was_called() && lane.config.concurrency < asked);
        lanes.map(|lane| (lane.config.name.clone(), lane.config.concurrency)).collect()
    }

    /// Holds that live calls to `provider` can be made, before the first of them is.
    ///
    /// # Errors
    /// An input error with what to type: there is no such provider, its key or a variable of its headers is
    /// not set, its address is none, or it runs a program and that is forbidden.
    pub fn ready(&self, provider: &ProviderName) -> domain::Result<()> {
        match self.lanes.get(provider) {
            Some(lane) => lane.ready().map_err(Error::from),
            None => Err(Error::input(format!("there is no provider `{provider}`"))
                .hint("define it under `providers` in llmops.yaml")),
        }
    }

    /// Why calls of `model` to `provider` are not made any more: the failure of whoever would make one. `None` while
    /// they are.
    pub fn stopped(&self, provider: &ProviderName, model: &ModelId) -> Option<CallFailure> {
        let cause = self.lanes.get(provider)?.breaker.cause(model)?;
        Some(CallFailure::stopped(provider, &cause, 0))
    }

    /// As [`Providers::call_within`], whatever it costs.
    pub async fn call(&self, request: &Request) -> Outcome {
        self.call_within(request, &()).await
    }

    /// Calls a provider until it replies or the call has failed for good. Nothing secret is in what comes
    /// back, whatever the provider wrote.
    pub async fn call_within(&self, request: &Request, paid: &dyn Paying) -> Outcome {
        let lane = match self.lane(&request.provider) {
            Ok(lane) => lane,
            Err(failure) => return failure.into(),
        };
        let prepared = match prepare(lane, request) {
            Ok(prepared) => prepared,
            Err(fault) => return self.failure(&request.provider, &fault, 0).into(),
        };
        if matches!(prepared, Prepared::Http(_)) {
            self.transport.open();
        }
        let estimate = if lane.pace.counts_tokens() {
            let output = request.parameters.max_tokens.unwrap_or(anthropic::DEFAULT_MAX_TOKENS);
            Estimate { input: (self.count_input)(request), output: u64::from(output) }
        } else {
            Estimate::default()
        };
        let mut outcome = self
            .drive(lane, (&request.model, paid), estimate, || self.attempt(lane, request, &prepared))
            .await;
        if let Ok(answer) = &mut outcome.result {
            super::outcome::redact(&mut answer.reply, &self.redactor);
        }
        outcome
    }

    /// The vectors of `texts`, in their order, from a provider with an OpenAI-compatible `/embeddings`.
    ///
    /// # Errors
    /// The provider has none, cannot be called, or failed after its retries.
    pub async fn embed(
        &self,
        provider: &ProviderName,
        model: &ModelId,
        texts: &[String],
    ) -> Result<Vec<Vec<f32>>, CallFailure> {
        Ok(self.embed_counted(provider, model, texts, &()).await?.0)
    }

    /// As [`Providers::embed`], with the input tokens that it took, where the provider says for every batch.
    ///
    /// # Errors
    /// As [`Providers::embed`].
    pub async fn embed_counted(
        &self,
        provider: &ProviderName,
        model: &ModelId,
        texts: &[String],
        paid: &dyn Paying,
    ) -> Result<(Vec<Vec<f32>>, Usage), CallFailure> {
        let lane = self.lane(provider)?;
        if lane.config.api != Api::OpenAi {
            let api = lane.config.api.as_str();
            let fault = Fault::unsupported(format!("the API `{api}` gives no embeddings"));
            return Err(self.failure(provider, &fault, 0));
        }
        let endpoint = lane.endpoint().map_err(|unready| self.unready(provider, &unready))?;
        let batches = batches(texts).into_iter().map(|batch| async move {
            let request = openai_embeddings::encode(model, batch, endpoint);
            let bytes = batch.iter().map(String::len).sum::<usize>();
            let estimate =
                Estimate { input: u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX), output: 0 };
            let decode = |response: &HttpResponse| {
                openai_embeddings::decode(batch.len(), response)
                    .map(|(vectors, usage)| ((vectors, usage), usage))
                    .map_err(|fault| Fault { usage: used(response, usage::openai), ..fault })
            };
            let outcome =
                self.drive(lane, (model, paid), estimate, || self.over_http(lane, &request, decode)).await;
            outcome.result.map(|answer| answer.reply)
        });
        let mut all = Vec::with_capacity(texts.len());
        let mut input = Some(0u64);
        for (vectors, usage) in try_join_all(batches).await? {
            all.extend(vectors);
            input = input.zip(usage.input).map(|(sum, more)| sum.saturating_add(more));
        }
        Ok((all, Usage { input, ..Usage::default() }))
    }

    /// The one loop that tries, decides and sleeps.
    async fn drive<V, F>(
        &self,
        lane: &Lane,
        (model, paid): (&ModelId, &dyn Paying),
        estimate: Estimate,
        attempt: impl Fn() -> F,
    ) -> Outcome<V>
    where
        F: Future<Output = Tried<V>>,
    {
        let (name, call) = (&lane.config.name, lane.next_call());
        let (mut retries, mut waits) = (Vec::new(), Vec::new());
        let mut number = 0u32;
        // A retry that the breaker or a stop keeps from being sent is none.
        let mut due = None;
        let result = loop {
            if let Some(cause) = lane.breaker.cause(model) {
                break Err(CallFailure::stopped(name, &cause, number));
            }
            let over = lane.breaker.opened(model);
            let Some((slot, waited)) = self.stop.unless(lane.pace.acquire(estimate, over)).await else {
                break Err(CallFailure::interrupted(number));
            };
            lane.count_waits(&waited);
            waits.extend(waited.into_iter().map(|(reason, waited)| WaitNote { reason, waited }));
            // Without a slot the breaker has opened.
            let Some(slot) = slot.filter(|_| lane.breaker.cause(model).is_none()) else { continue };
            lane.count_call();
            if let Some((reason, waited)) = due.take() {
                lane.count_retry(reason, waited);
                retries.push(RetryNote { reason, waited });
            }
            let started = Instant::now();
            let Tried { result, hold } = attempt().await;
            let ended = Instant::now();
            let fault = match result {
                Ok((value, usage)) => {
                    slot.finish(Ended::Replied(usage), hold);
                    lane.breaker.succeeded(model, ended);
                    let took = ended.duration_since(started).as_millis();
                    let latency_ms = u64::try_from(took).unwrap_or(u64::MAX);
                    break Ok(Answer { reply: value, latency_ms });
                }
                Err(fault) => fault,
            };
            slot.finish(paced(&fault), hold);
            let detail = || self.redactor.line(&fault.to_string(), DETAIL);
            lane.breaker.attempt_failed(Attempt { model, call, started, ended }, &fault, detail);
            fault.usage.iter().for_each(|usage| paid.failed(usage));
            match decide(&fault, number, &self.backoff, now(), unit_random()) {
                Next::Retry { after, reason } => {
                    number += 1;
                    if fault.usage.is_some() {
                        match self.stop.unless(paid.again()).await {
                            Some(true) => {}
                            Some(false) => break Err(CallFailure::unaffordable(name, number)),
                            None => break Err(CallFailure::interrupted(number)),
                        }
                    }
                    due = Some((reason, after));
                    let wait = async {
                        tokio::select! {
                            () = tokio::time::sleep(after) => {}
                            () = lane.breaker.opened(model) => {}
                        }
                    };
                    if self.stop.unless(wait).await.is_none() {
                        break Err(CallFailure::interrupted(number));
                    }
                }
                Next::Stop => {
                    let failure = self.failure(name, &fault, number + 1);
                    lane.breaker.failed(model, &fault, &detail());
                    break Err(failure);
                }
            }
        };
        Outcome { result, retries, waits }
    }

    async fn attempt(&self, lane: &Lane, request: &Request, prepared: &Prepared) -> Tried<Reply> {
        match prepared {
            Prepared::Http(http) => {
                self.over_http(lane, http, |response| {
                    let reply = read(lane.config.api, request, response)?;
                    let usage = reply.usage;
                    Ok((reply, usage))
                })
                .await
            }
            Prepared::Exec => {
                let spoken = exec::run(request, &lane.config, &self.root, lane.timeout).await;
                ran(spoken.and_then(|reply| program::retrieved(request, reply)))
            }
            Prepared::Builtin => ran(builtin::reply(request)),
        }
    }

    async fn over_http<V>(
        &self,
        lane: &Lane,
        request: &HttpRequest,
        decode: impl Fn(&HttpResponse) -> Result<(V, Usage), Fault>,
    ) -> Tried<V> {
        match self.transport.send(request.clone(), lane.timeout).await {
            Ok(response) => {
                let result = decode(&response);
                let hold = ratelimit::hold(&response, now()).max(held_by(&result));
                Tried { result, hold }
            }
            Err(fault) => Err(Fault::from(fault)).into(),
        }
    }

    fn lane(&self, provider: &ProviderName) -> Result<&Lane, CallFailure> {
        let Some(lane) = self.lanes.get(provider) else {
            let detail = format!("there is no provider `{provider}`");
            return Err(CallFailure { kind: FailureKind::Setup, detail, attempts: 0, is_passing: false });
        };
        lane.ready().map_err(|unready| self.unready(provider, &unready))?;
        Ok(lane)
    }

    fn unready(&self, provider: &ProviderName, unready: &Unready) -> CallFailure {
        let kind = if unready.lack == Lack::Key { FailureKind::MissingKey } else { FailureKind::Setup };
        let text = format!("{provider}: {}; {}", unready.message, unready.hint);
        CallFailure { kind, detail: self.redactor.line(&text, DETAIL), attempts: 0, is_passing: false }
    }

    fn failure(&self, provider: &ProviderName, fault: &Fault, attempts: u32) -> CallFailure {
        let kind = match fault.cause {
            Cause::Timeout => FailureKind::Timeout,
            Cause::Unsupported => FailureKind::Unsupported,
            Cause::Setup => FailureKind::Setup,
            Cause::Connect
            | Cause::Cut
            | Cause::TooLarge
            | Cause::Redirect
            | Cause::Status { .. }
            | Cause::Reported { .. }
            | Cause::Undecodable
            | Cause::Program => FailureKind::Provider,
        };
        let mut detail = self.redactor.line(&format!("{provider}: {fault}"), DETAIL);
        if attempts > 1 {
            detail.push_str(&format!(" (after {attempts} attempts)"));
        }
        CallFailure { kind, detail, attempts, is_passing: super::retry::reason(fault).is_some() }
    }
}

/// What one call was told to wait, all of them wait: the limit is the provider's and not the call's.
fn held_by<V>(result: &Result<V, Fault>) -> Option<Duration> {
    let fault = result.as_ref().err().filter(|fault| paced(fault) == Ended::Throttled)?;
    advised(fault, now())
}

/// Characters of a failure's detail.
const DETAIL: usize = 400;

fn a_quarter_of_the_bytes(request: &Request) -> u64 {
    let messages = request.messages.iter().map(|message| message.content.len());
    let tools = request.tools.iter().map(|tool| tool.description.len() + tool.input_schema.to_string().len());
    u64::try_from(messages.chain(tools).sum::<usize>().div_ceil(4)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
