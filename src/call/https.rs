//! The transport over HTTP/1.1 and HTTP/2 with verified TLS: the one place that opens connections.

use super::environment::Environment;
use super::proxies::Proxies;
use super::tls;
use super::wire::{HttpRequest, HttpResponse, MAX_RESPONSE_BYTES, SendFault, Transport};
use bytes::{Bytes, BytesMut};
use reqwest::{Certificate, Client, ClientBuilder, Proxy, Url, redirect};
use std::collections::hash_map::RandomState;
use std::error::Error as StdError;
use std::hash::{BuildHasher, Hasher};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

/// Time to reach a host, within the time of the attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// One pooled client, made on the first call: a command that calls nothing does not pay for it.
///
/// Proxies come from the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, …) or from the system, certificates
/// from the system or from `SSL_CERT_FILE` and `SSL_CERT_DIR`. A machine without any certificates, such as a bare
/// container, falls back to Mozilla's list, which is in the binary.
#[derive(Debug, Default)]
pub struct Https {
    extra_ca: Vec<PathBuf>,
    proxies: Proxies,
    client: OnceLock<Result<Client, SendFault>>,
}

impl Https {
    /// A transport that takes the proxies of this environment, and that also trusts the certificates in its
    /// `SSL_CERT_FILE`.
    pub fn new(environment: &Environment) -> Self {
        let extra_ca = environment.get("SSL_CERT_FILE").map(|path| PathBuf::from(path.expose()));
        Self {
            extra_ca: extra_ca.into_iter().collect(),
            proxies: Proxies::of(environment),
            client: OnceLock::new(),
        }
    }

    fn client(&self) -> Result<&Client, SendFault> {
        self.client.get_or_init(|| build(&self.extra_ca, &self.proxies)).as_ref().map_err(Clone::clone)
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, SendFault> {
        let url = request.url.clone();
        let fault = |error: reqwest::Error| self.fault(&url, error);
        let mut response = self
            .client()?
            .post(request.url)
            .headers(request.headers)
            .body(request.body)
            .send()
            .await
            .map_err(fault)?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let Some(first) = response.chunk().await.map_err(fault)? else {
            return Ok(HttpResponse { status, headers, body: Bytes::new() });
        };
        let mut next = response.chunk().await.map_err(fault)?;
        if next.is_none() && first.len() <= MAX_RESPONSE_BYTES {
            return Ok(HttpResponse { status, headers, body: first });
        }
        let mut body = BytesMut::from(first);
        while let Some(chunk) = next {
            if body.len().saturating_add(chunk.len()) > MAX_RESPONSE_BYTES {
                return Err(SendFault::TooLarge);
            }
            body.extend_from_slice(&chunk);
            next = response.chunk().await.map_err(fault)?;
        }
        Ok(HttpResponse { status, headers, body: body.freeze() })
    }

    /// Sorts an error of the client by what a retry needs to know, and says whose it is.
    fn fault(&self, url: &Url, error: reqwest::Error) -> SendFault {
        // The address may hold a password, and the caller knows it.
        let error = error.without_url();
        if error.is_connect() {
            let via = self.proxies.via(url).ok().flatten();
            let by = via.map(|via| format!("through {}: ", via.shown)).unwrap_or_default();
            let host = url.host_str().unwrap_or_default();
            if let Some(why) = tls::refused(&error, host) {
                return SendFault::Setup(format!("{by}{why}"));
            }
            let why = if error.is_timeout() {
                format!("nothing within {} s", CONNECT_TIMEOUT.as_secs())
            } else {
                tls::foreign(&error).unwrap_or_else(|| root(&error))
            };
            let refused = why.contains("proxy authorization required");
            if refused {
                SendFault::Setup(format!("{by}{why}"))
            } else {
                SendFault::Connect(format!("{by}{why}"))
            }
        } else if error.is_builder() {
            SendFault::Setup(chain(&error))
        } else {
            SendFault::Cut(root(&error))
        }
    }
}

impl Transport for Https {
    fn open(&self) {
        // What is wrong is reported by the first attempt.
        let _ = self.client();
    }

    async fn send(&self, request: HttpRequest, timeout: Duration) -> Result<HttpResponse, SendFault> {
        tokio::time::timeout(timeout, self.exchange(request))
            .await
            .unwrap_or(Err(SendFault::Timeout(timeout)))
    }
}

fn builder(proxies: &Proxies) -> ClientBuilder {
    let builder = Client::builder();
    let builder = if proxies.are_named() {
        let proxies = proxies.clone();
        // What cannot be used was refused before any call.
        builder.proxy(Proxy::custom(move |url| Some(proxies.via(url).ok()??.url)))
    } else {
        builder
    };
    builder
        .user_agent(concat!("llmops/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .gzip(true)
}

fn build(extra_ca: &[PathBuf], proxies: &Proxies) -> Result<Client, SendFault> {
    // Fails only where the process has a provider already, which then serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut extra = Vec::new();
    for path in extra_ca {
        extra.extend(certificates(path)?);
    }
    builder(proxies).tls_certs_merge(extra.iter().cloned()).build().or_else(|_| {
        let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
        let roots = roots.iter().filter_map(|der| Certificate::from_der(der).ok());
        builder(proxies)
            .tls_certs_only(roots.chain(extra))
            .build()
            .map_err(|error| SendFault::Setup(format!("no HTTP client: {}", chain(&error))))
    })
}

fn certificates(path: &PathBuf) -> Result<Vec<Certificate>, SendFault> {
    let fail = |why: String| SendFault::Setup(format!("certificates of {}: {why}", path.display()));
    let pem = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| fail(chain(&error)))?;
    if found.is_empty() { Err(fail("no certificate in the file".to_owned())) } else { Ok(found) }
}

fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The innermost cause: the layers above it only say that a request could not be sent.
fn root(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// The wall clock: retry dates and reset times of providers are compared with it.
pub(super) fn now() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "this room's edge")]
    SystemTime::now()
}

/// A number from 0 to 1, different on every call.
pub(super) fn unit_random() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    u32::try_from(bits).map_or(0.5, |bits| f64::from(bits) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_file_that_cannot_serve_is_named() {
        let with = |path: &str| Https::new(&Environment::from_pairs([("SSL_CERT_FILE", path)]));
        let missing = with("/nowhere/ca.pem");
        let text = missing.client().err().map(|error| error.to_string()).unwrap_or_default();
        assert!(text.starts_with("certificates of /nowhere/ca.pem: "), "{text}");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "no certificate").expect("written");
        let text = with(&path.display().to_string())
            .client()
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(text.ends_with("no certificate in the file"), "{text}");
    }

    #[test]
    fn jitter_lies_in_the_unit_interval_and_moves() {
        let drawn: Vec<f64> = (0..16).map(|_| unit_random()).collect();
        assert!(drawn.iter().all(|unit| (0.0..=1.0).contains(unit)));
        assert!(drawn.windows(2).any(|pair| (pair[0] - pair[1]).abs() > f64::EPSILON));
    }
}
