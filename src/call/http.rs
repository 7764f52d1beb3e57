//! A team's own endpoint: the protocol of programs, by POST. Building the request and reading the reply are
//! pure; sending is the wire's business.

use super::local_fault::{LocalFault, Stage};
use super::program;
use crate::domain::{Reply, Request};
use crate::manifest::project::ProviderConfig;
use serde_json::Value;

/// One POST request, without its key.
#[derive(Clone, PartialEq, Debug)]
pub struct HttpParts {
    /// The address.
    pub url: String,
    /// Headers as configured: `${NAME}` is still to be replaced from the environment.
    pub headers: Vec<(String, String)>,
    /// The JSON body.
    pub body: Value,
}

/// The request for the provider's `url`.
///
/// # Errors
/// The provider has no `url`.
pub fn encode(request: &Request, config: &ProviderConfig) -> Result<HttpParts, LocalFault> {
    let Some(url) = config.url.clone() else {
        return Err(LocalFault::new(Stage::Start, format!("the provider `{}` has no `url`", config.name)));
    };
    let named = |wanted: &str| config.headers.keys().any(|name| name.eq_ignore_ascii_case(wanted));
    let mut headers: Vec<(String, String)> =
        config.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    for (name, value) in [("content-type", "application/json"), ("accept", "application/json, text/plain")] {
        if !named(name) {
            headers.push((name.to_owned(), value.to_owned()));
        }
    }
    Ok(HttpParts { url, headers, body: program::request_body(request) })
}

/// Reads the body of a 2xx reply.
///
/// Stricter than a program's stdout, because between here and the endpoint stand proxies and a network: a web
/// page, an empty body, and JSON that breaks off are failures, not answers.
///
/// # Errors
/// The body is none of what the protocol allows, or larger than 32 MiB.
pub fn decode(body: &[u8]) -> Result<Reply, LocalFault> {
    let fault = |message: &str| Err(LocalFault::new(Stage::Decode, message));
    if body.len() > program::MAX_REPLY {
        return Err(LocalFault::new(Stage::TooLarge, "the body is larger than 32 MiB"));
    }
    let Ok(text) = std::str::from_utf8(body) else { return fault("the body is not UTF-8") };
    let start = text.trim_start();
    if start.is_empty() {
        return fault("the body is empty");
    }
    let opening: String = start.chars().take(9).collect::<String>().to_ascii_lowercase();
    if opening.starts_with("<!doctype") || opening.starts_with("<html") {
        return fault("the body is a web page, not a reply");
    }
    if start.starts_with('{') && serde_json::from_str::<Value>(text).is_err() {
        return fault("the body starts like JSON and is not: it may be cut off");
    }
    program::reply(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Message, Parameters, Role};
    use crate::manifest::project::Api;
    use serde_json::json;

    fn request() -> Request {
        Request {
            provider: "app".into(),
            api: "http".into(),
            model: "shop".into(),
            messages: vec![Message::new(Role::User, "Hi")],
            tools: Vec::new(),
            parameters: Parameters::default(),
            output: None,
            json: false,
            trial: 0,
            data: json!({"vars": {"input": "Hi"}, "context": []}),
            inputs: None,
            cacheable: false,
        }
    }

    #[test]
    fn a_request_goes_to_the_url_with_the_configured_headers() {
        let mut config = ProviderConfig::new("app".into(), Api::Http);
        assert_eq!(encode(&request(), &config).expect_err("no url").stage, Stage::Start);
        config.url = Some("http://localhost:8000/answer".to_owned());
        config.headers.insert("Content-Type".to_owned(), "application/vnd.shop+json".to_owned());
        let parts = encode(&request(), &config).expect("parts");
        assert_eq!(parts.url, "http://localhost:8000/answer");
        assert_eq!(parts.headers[0].1, "application/vnd.shop+json");
        assert_eq!(parts.headers.len(), 2);
        assert_eq!(parts.body["input"], "Hi");
    }

    #[test]
    fn a_page_half_a_body_and_nothing_are_failures() {
        let bodies: [&[u8]; 6] =
            [b"", b" \n", b"<!DOCTYPE html><p>log in", b" <html>", b"{\"output\": \"ab", b"\xff\xfe"];
        for body in bodies {
            assert_eq!(decode(body).expect_err("a fault").stage, Stage::Decode, "{body:?}");
        }
        assert_eq!(decode(&vec![b'a'; program::MAX_REPLY + 1]).expect_err("big").stage, Stage::TooLarge);
        assert_eq!(decode(b"{\"output\": \"yes\"}").map(|reply| reply.text), Ok("yes".to_owned()));
        assert_eq!(decode(b"yes\n").map(|reply| reply.text), Ok("yes".to_owned()));
    }
}
