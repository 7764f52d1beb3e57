//! What a failed attempt is, and how a response that holds no reply becomes one.

use super::local_fault::LocalFault;
use super::wire::{HttpResponse, SendFault};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;
use std::time::{Duration, SystemTime};

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

/// When a provider wants to be asked again.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum RetryAfter {
    /// After this long.
    Delay(Duration),
    /// At this time, where the response does not say what time it is there.
    At(SystemTime),
}

/// What the headers of a failed response say about trying again.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Advice {
    /// `x-should-retry`.
    pub should_retry: Option<bool>,
    /// `retry-after-ms`, else `retry-after` in seconds or as a date.
    pub after: Option<RetryAfter>,
}

impl Advice {
    /// Reads the headers of a response. A date is compared with the response's own, where it has one, so that a
    /// clock that is wrong here does not matter.
    pub fn of(response: &HttpResponse) -> Self {
        let should_retry = match response.header("x-should-retry") {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        };
        let number = |name: &str, unit: f64| {
            let seconds = response.header(name)?.parse::<f64>().ok()? * unit;
            Duration::try_from_secs_f64(seconds).ok().map(RetryAfter::Delay)
        };
        let parsed = |name: &str| httpdate::parse_http_date(response.header(name)?).ok();
        let date = || {
            let until = parsed("retry-after")?;
            Some(match parsed("date") {
                Some(there) => RetryAfter::Delay(until.duration_since(there).unwrap_or_default()),
                None => RetryAfter::At(until),
            })
        };
        let after = number("retry-after-ms", 1e-3).or_else(|| number("retry-after", 1.0)).or_else(date);
        Self { should_retry, after }
    }
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
}

impl Fault {
    /// A failure without advice.
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into(), advice: Advice::default() }
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

/// Holds that a response has a status of success.
///
/// # Errors
/// A redirect, or a status of failure with what its body says.
pub fn expect_success(response: &HttpResponse) -> Result<(), Fault> {
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
    Err(Fault { cause, detail: describe(response, code, &text), advice: Advice::of(response) })
}

/// An error object in a body of success, which some gateways send.
pub fn reported_error(response: &HttpResponse) -> Option<Fault> {
    let (code, text) = error_in(&response.body);
    let text = text?;
    let cause = Cause::Reported { code: code.clone() };
    let detail = format!("an error with status {}: {}", response.status, describe(response, code, &text));
    Some(Fault { cause, detail, advice: Advice::of(response) })
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
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    match value.get("error") {
        Some(Value::Object(error)) => {
            let code = error.get("code").and_then(text).or_else(|| error.get("type").and_then(text));
            let message = error.get("message").and_then(text);
            (code, message.or_else(|| Some(Value::Object(error.clone()).to_string())))
        }
        Some(other) if !other.is_null() => (None, text(other)),
        _ => (None, ["message", "detail"].iter().find_map(|key| value.get(*key).and_then(text))),
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
    fn advice_is_read_in_all_its_forms() {
        let of = |headers: &[(&'static str, &str)]| Advice::of(&response(429, headers, ""));
        let delay = |millis| Some(RetryAfter::Delay(Duration::from_millis(millis)));
        assert_eq!(of(&[("retry-after-ms", "250.5"), ("retry-after", "9")]).after.map(|_| ()), Some(()));
        assert_eq!(of(&[("retry-after-ms", "250"), ("retry-after", "9")]).after, delay(250));
        assert_eq!(of(&[("retry-after", "1.5")]).after, delay(1500));
        assert_eq!(
            of(&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")]).after,
            Some(RetryAfter::At(SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_480)))
        );
        let at = ("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(of(&[at, ("date", "Wed, 21 Oct 2015 07:27:53 GMT")]).after, delay(7_000));
        assert_eq!(of(&[at, ("date", "Wed, 21 Oct 2015 07:29:00 GMT")]).after, delay(0));
        assert_eq!(of(&[("retry-after", "-3")]).after, None);
        assert_eq!(of(&[("retry-after", "soon")]).after, None);
        assert_eq!(of(&[("retry-after-ms", "NaN")]).after, None);
        assert_eq!(of(&[("x-should-retry", "false")]).should_retry, Some(false));
        assert_eq!(of(&[("x-should-retry", "maybe")]).should_retry, None);
    }

    #[test]
    fn a_fault_never_shows_its_detail_in_debug() {
        assert!(!format!("{:?}", Fault::undecodable("sk-secret")).contains("sk-secret"));
    }
}
