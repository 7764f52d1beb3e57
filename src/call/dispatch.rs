//! The dispatch over the closed list of APIs: what is sent, and how what comes back is read.

use super::fault::{Cause, Fault};
use super::lane::Lane;
use super::local_fault::LocalFault;
use super::pace::Ended;
use super::wire::{HttpRequest, HttpResponse};
use super::{anthropic, http, openai, program, usage};
use crate::domain::{Reply, Request, Usage};
use crate::manifest::project::Api;
use serde_json::Value;
use std::time::Duration;

/// A request as its provider takes it.
pub(super) enum Prepared {
    Http(Box<HttpRequest>),
    Exec,
    Builtin,
}

/// What one attempt gave, and how long the provider wants to be left alone.
pub(super) struct Tried<V> {
    pub result: Result<(V, Usage), Fault>,
    pub hold: Option<Duration>,
}

impl<V> From<Result<(V, Usage), Fault>> for Tried<V> {
    fn from(result: Result<(V, Usage), Fault>) -> Self {
        Self { result, hold: None }
    }
}

/// Encodes a request for its API.
///
/// # Errors
/// The API cannot express it, or the provider cannot be called.
pub(super) fn prepare(lane: &Lane, request: &Request) -> Result<Prepared, Fault> {
    let endpoint = || lane.endpoint().map_err(|unready| Fault::new(Cause::Setup, unready.message));
    Ok(match lane.config.api {
        Api::Anthropic => Prepared::Http(Box::new(anthropic::encode(request, endpoint()?)?)),
        Api::OpenAi => Prepared::Http(Box::new(openai::encode(request, endpoint()?)?)),
        Api::Http => {
            let endpoint = endpoint()?;
            let parts = http::encode(request, &lane.config)?;
            // The endpoint has the same address and headers, with the variables in them filled in.
            Prepared::Http(Box::new(HttpRequest {
                url: endpoint.url().clone(),
                headers: endpoint.headers.clone(),
                body: parts.body.to_string().into(),
            }))
        }
        Api::Exec => Prepared::Exec,
        Api::Builtin => Prepared::Builtin,
    })
}

/// Reads a response as the reply of its API.
pub(super) fn read(api: Api, request: &Request, response: &HttpResponse) -> Result<Reply, Fault> {
    let paid = |of: fn(&Value) -> Usage| move |fault| Fault { usage: used(response, of), ..fault };
    match api {
        Api::Anthropic => anthropic::decode(request, response).map_err(paid(usage::anthropic)),
        Api::OpenAi => openai::decode(response).map_err(paid(usage::openai)),
        Api::Http => {
            super::fault::expect_success(response)?;
            Ok(program::retrieved(request, http::decode(&response.body)?)?)
        }
        Api::Exec | Api::Builtin => Err(Fault::undecodable("this provider is not reached over HTTP")),
    }
}

/// What a response of success used that holds no reply, where it says.
pub(super) fn used(response: &HttpResponse, of: fn(&Value) -> Usage) -> Option<Box<Usage>> {
    let body: Value = serde_json::from_slice(&response.body).ok().filter(|_| response.is_success())?;
    Some(of(body.get("usage")?)).filter(|usage| usage.input.or(usage.output).is_some()).map(Box::new)
}

/// The attempt of a program or of a built-in model. What it writes wrongly once it writes wrongly again, so that,
/// unlike a body from the network, it is not worth another attempt.
pub(super) fn ran(result: Result<Reply, LocalFault>) -> Tried<Reply> {
    let result = result.map_err(Fault::from).map_err(|fault| match fault.cause {
        Cause::Undecodable => Fault { cause: Cause::Program, ..fault },
        _ => fault,
    });
    result
        .map(|reply| {
            let usage = reply.usage;
            (reply, usage)
        })
        .into()
}

/// What a failed attempt means for the pace.
pub(super) fn paced(fault: &Fault) -> Ended {
    match fault.cause {
        Cause::Status { status: 429 | 503 | 529, .. } => Ended::Throttled,
        _ => Ended::Failed,
    }
}
