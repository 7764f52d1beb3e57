//! What a failed attempt is, and how a response that holds no reply becomes one.

use super::advice::Advice;
use super::local_fault::LocalFault;
use super::wire::{HttpResponse, SendFault};
use crate::domain::Usage;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;

/// Where in an attempt it failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Before anything was sent, or before a status came back.
    Send,
    /// The status says so.
    Status,
    /// The body did not arrive whole.
    Body,
    /// The body holds no reply.
    Decode,
}

/// Why an attempt failed: what the retry predicate decides on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cause {
    /// No connection.
    Connect,
    /// Not done in its time.
    Timeout,
    /// The connection ended before the response did.
    Cut,
    /// The response is too large to read.
    TooLarge,
    /// It cannot be sent from here: certificates, headers, a program that does not start.
    Setup,
    /// The server points elsewhere, and a key must not follow.
    Redirect,
    /// The provider answered with a status of failure.
    Status {
        /// The status.
        status: u16,
        /// The provider's word for it: `insufficient_quota`, `overloaded_error`, …
        code: Option<String>,
    },
    /// A status of success, and an error in the body.
    Reported {
        /// The provider's word for it.
        code: Option<String>,
    },
    /// A status of success, and a body that holds no reply: empty, cut, a web page, another shape.
    Undecodable,
    /// The provider's API cannot express the request.
    Unsupported,
    /// A program ran and failed; what it calls, it retries by itself.
    Program,
}

/// A failed attempt. Its detail may quote the provider and is redacted before anything shows it.
#[derive(Clone, PartialEq)]
pub struct Fault {
    /// Why it failed.
    pub cause: Cause,
    /// A lower-case fragment without the stage.
    pub detail: String,
    /// What the response's headers say about trying again.
    pub advice: Advice,
    /// What the attempt used all the same, where the provider says: it is paid for.
    pub usage: Option<Box<Usage>>,
}

impl Fault {
    /// A failure without advice.
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into(), advice: Advice::default(), usage: None }
    }

    /// A parameter, or another part of a request, that the API cannot take.
    pub fn unsupported(detail: impl Into<String>) -> Self {
        Self::new(Cause::Unsupported, detail)
    }

    /// A body that holds no reply.
    pub fn undecodable(detail: impl Into<String>) -> Self {
        Self::new(Cause::Undecodable, detail)
    }

    /// Where in the attempt it failed.
    pub fn stage(&self) -> Stage {
        match self.cause {
            Cause::Connect | Cause::Timeout | Cause::Setup | Cause::Unsupported | Cause::Program => {
                Stage::Send
            }
            Cause::Status { .. } | Cause::Redirect => Stage::Status,
            Cause::Cut | Cause::TooLarge => Stage::Body,
            Cause::Reported { .. } | Cause::Undecodable => Stage::Decode,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.cause, self.stage()) {
            (Cause::Unsupported | Cause::Program, _) => f.write_str(&self.detail),
            (Cause::Status { status, .. }, _) => write!(f, "status {status}: {}", self.detail),
            (_, Stage::Send) => write!(f, "send: {}", self.detail),
            (_, Stage::Status) => write!(f, "status: {}", self.detail),
            (_, Stage::Body) => write!(f, "body: {}", self.detail),
            (_, Stage::Decode) => write!(f, "decode: {}", self.detail),
        }
    }
}

/// As [`Fault`]'s `Display` without its detail, which may quote a secret.
impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault({:?}, {} bytes of detail)", self.cause, self.detail.len())
    }
}

impl From<SendFault> for Fault {
    fn from(fault: SendFault) -> Self {
        let cause = match fault {
            SendFault::Connect(_) => Cause::Connect,
            SendFault::Timeout(_) => Cause::Timeout,
            SendFault::Cut(_) => Cause::Cut,
            SendFault::TooLarge => Cause::TooLarge,
            SendFault::Setup(_) => Cause::Setup,
        };
        Self::new(cause, fault.to_string())
    }
}

impl From<LocalFault> for Fault {
    fn from(fault: LocalFault) -> Self {
        use super::local_fault::Stage as Local;
        let cause = match fault.stage {
            Local::Start => Cause::Setup,
            Local::Send | Local::Exit => Cause::Program,
            Local::Timeout => Cause::Timeout,
            Local::Decode => Cause::Undecodable,
            Local::TooLarge => Cause::TooLarge,
        };
        Self::new(cause, fault.message)
    }
}

/// Reads the body of a response of success as JSON of the shape `T`.
///
/// # Errors
/// A redirect, a status of failure with what its body says, and every body that is not that JSON.
pub fn read<T: DeserializeOwned>(response: &HttpResponse) -> Result<T, Fault> {
    expect_success(response)?;
    serde_json::from_slice(&response.body).map_err(|error| {
        if let Some(reported) = reported_error(response) {
            return reported;
        }
        Fault::undecodable(match body_kind(&response.body) {
            Some(kind) => format!("{kind} instead of a reply"),
            None if error.is_eof() => format!("half a reply of {} bytes", response.body.len()),
            None => format!("no reply in the body: {error}"),
        })
    })
}

/// The status of a response of which only a part is sent, which nobody asked for.
const PARTIAL_CONTENT: u16 = 206;

/// Holds that a response has a status of success.
///
/// # Errors
/// A redirect, or a status of failure with what its body says.
pub fn expect_success(response: &HttpResponse) -> Result<(), Fault> {
    if response.status == PARTIAL_CONTENT {
        return Err(Fault::undecodable("status 206: a part of a reply"));
    }
    if response.is_success() {
        return Ok(());
    }
    if (300..400).contains(&response.status) {
        let host = response.header("location").and_then(|to| reqwest::Url::parse(to).ok());
        let host = host.as_ref().and_then(|url| url.host_str()).unwrap_or("another address");
        return Err(Fault::new(
            Cause::Redirect,
            format!("redirected ({}) to {host}; redirects are not followed", response.status),
        ));
    }
    let (code, text) = error_in(&response.body);
    let text = text.unwrap_or_else(|| match body_kind(&response.body) {
        Some(kind) => format!("{kind} instead of an error"),
        None => String::from_utf8_lossy(&response.body).into_owned(),
    });
    let cause = Cause::Status { status: response.status, code: code.clone() };
    Err(Fault { advice: Advice::of(response), ..Fault::new(cause, describe(response, code, &text)) })
}

/// Holds that `error`, which stands beside a reply in a body of success, says nothing. Gateways whose upstream ends
/// midway send what they have and an error with it: half an answer is none.
///
/// # Errors
/// What it says.
pub fn expect_no_error(error: Option<&Value>, response: &HttpResponse) -> Result<(), Fault> {
    let Some(error) = error.filter(|error| says_something(error)) else { return Ok(()) };
    let (code, text) = error_of(error);
    let text = text.unwrap_or_else(|| error.to_string());
    let cause = Cause::Reported { code: code.clone() };
    let detail = format!("an error beside the answer: {}", describe(response, code, &text));
    Err(Fault { advice: Advice::of(response), ..Fault::new(cause, detail) })
}

/// Whether the value of a key `error` is one: `null`, `""`, `false`, `{}` and `[]` are how others write that there is none.
pub fn says_something(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

/// An error object in a body of success, which some gateways send.
pub fn reported_error(response: &HttpResponse) -> Option<Fault> {
    let (code, text) = error_in(&response.body);
    let text = text?;
    let cause = Cause::Reported { code: code.clone() };
    let detail = format!("an error with status {}: {}", response.status, describe(response, code, &text));
    Some(Fault { advice: Advice::of(response), ..Fault::new(cause, detail) })
}

fn describe(response: &HttpResponse, code: Option<String>, text: &str) -> String {
    let id = response.header("request-id").or_else(|| response.header("x-request-id"));
    let id = id.map(|id| format!(" (request {id})")).unwrap_or_default();
    match code {
        Some(code) => format!("{code}: {text}{id}"),
        None => format!("{text}{id}"),
    }
}

/// The code and the message of an error body. Both vendors wrap them in `error`; gateways also write
/// `{"error": "text"}`, `{"message": …}` and `{"detail": …}`.
fn error_in(body: &[u8]) -> (Option<String>, Option<String>) {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return (None, None) };
    match value.get("error") {
        Some(error) if !error.is_null() => error_of(error),
        _ => (None, ["message", "detail"].iter().find_map(|key| value.get(*key).and_then(words))),
    }
}

/// The code and the message of what stands under `error`.
fn error_of(error: &Value) -> (Option<String>, Option<String>) {
    let Value::Object(fields) = error else { return (None, words(error)) };
    let of = |key: &str| fields.get(key).and_then(words);
    (of("code").or_else(|| of("type")), of("message").or_else(|| Some(error.to_string())))
}

fn words(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// What a body is that is not JSON, where that can be told.
fn body_kind(body: &[u8]) -> Option<&'static str> {
    let body = body.trim_ascii_start();
    if body.is_empty() {
        Some("an empty body")
    } else if body[0] == b'<' {
        Some("a web page")
    } else {
        None
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    /// A response as a test writes it.
    pub fn response(status: u16, headers: &[(&'static str, &str)], body: &str) -> HttpResponse {
        let mut map = reqwest::header::HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().expect("a header"));
        }
        HttpResponse { status, headers: map, body: body.to_owned().into() }
    }

    fn fault(status: u16, body: &str) -> Fault {
        read::<Value>(&response(status, &[("request-id", "req_1")], body)).expect_err("a fault")
    }

    #[test]
    fn an_error_body_is_read_in_the_form_of_either_vendor() {
        let anthropic = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        let anthropic = fault(529, anthropic);
        assert_eq!(anthropic.cause, Cause::Status { status: 529, code: Some("overloaded_error".to_owned()) });
        assert_eq!(anthropic.to_string(), "status 529: overloaded_error: Overloaded (request req_1)");
        let openai =
            r#"{"error":{"message":"Quota","type":"quota","param":null,"code":"insufficient_quota"}}"#;
        assert_eq!(fault(429, openai).to_string(), "status 429: insufficient_quota: Quota (request req_1)");
        let code_null = r#"{"error":{"message":"m","type":"invalid_request_error","code":null}}"#;
        assert_eq!(fault(400, code_null).detail, "invalid_request_error: m (request req_1)");
        assert_eq!(fault(500, r#"{"error":"boom"}"#).detail, "boom (request req_1)");
        assert_eq!(fault(422, r#"{"detail":[1]}"#).detail, "[1] (request req_1)");
        assert_eq!(fault(502, "<html>Bad").detail, "a web page instead of an error (request req_1)");
        assert_eq!(fault(500, "").detail, "an empty body instead of an error (request req_1)");
        assert_eq!(fault(503, "busy").stage(), Stage::Status);
    }

    #[test]
    fn a_body_of_success_without_json_says_what_it_is() {
        assert_eq!(fault(200, "").to_string(), "decode: an empty body instead of a reply");
        assert_eq!(fault(200, " <!doctype html>").to_string(), "decode: a web page instead of a reply");
        assert_eq!(fault(200, r#"{"id": "x"#).to_string(), "decode: half a reply of 9 bytes");
        assert_eq!(fault(204, "nonsense").cause, Cause::Undecodable);
    }

    #[test]
    fn a_redirect_names_the_host_and_nothing_of_the_address() {
        let to = response(307, &[("location", "https://evil.example/?key=1")], "");
        let fault = expect_success(&to).expect_err("a fault");
        assert_eq!(fault.cause, Cause::Redirect);
        assert_eq!(fault.to_string(), "status: redirected (307) to evil.example; redirects are not followed");
    }

    #[test]
    fn an_error_beside_a_reply_counts_where_it_says_something() {
        let beside = |error: Value| expect_no_error(Some(&error), &response(200, &[], ""));
        for none in [json!(null), json!(""), json!(false), json!({}), json!([])] {
            assert!(beside(none.clone()).is_ok(), "{none}");
        }
        for (error, says, code) in [
            (json!("cut off"), "cut off", None),
            (json!({"code": 502, "message": "upstream"}), "502: upstream", Some("502")),
            (
                json!({"type": "overloaded_error", "message": null}),
                "overloaded_error: {",
                Some("overloaded_error"),
            ),
            (json!(true), "true", None),
            (json!(["x"]), "[\"x\"]", None),
        ] {
            let fault = beside(error).expect_err(says);
            assert!(
                fault.detail.starts_with(&format!("an error beside the answer: {says}")),
                "{}",
                fault.detail
            );
            assert_eq!(fault.cause, Cause::Reported { code: code.map(str::to_owned) });
        }
        assert!(expect_no_error(None, &response(200, &[], "")).is_ok());
    }

    #[test]
    fn a_fault_never_shows_its_detail_in_debug() {
        assert!(!format!("{:?}", Fault::undecodable("sk-secret")).contains("sk-secret"));
    }
}
