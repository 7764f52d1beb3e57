//! What goes over the wire and comes back: plain values, and the one trait that sends them.

use bytes::Bytes;
use reqwest::Url;
use reqwest::header::HeaderMap;
use std::fmt;
use std::future::Future;
use std::time::Duration;

/// The largest body of a response that is read, after decompression: 32 MiB.
pub const MAX_RESPONSE_BYTES: usize = 32 * 1024 * 1024;

/// A POST, ready to send. Header values that hold a key are marked sensitive, so that `Debug` hides them.
#[derive(Clone)]
pub struct HttpRequest {
    /// Where to.
    pub url: Url,
    /// Every header that is not about the connection itself.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("host", &self.url.host_str())
            .field("path", &self.url.path())
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// A whole response, whatever its status.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, whole and decompressed.
    pub body: Bytes,
}

impl HttpResponse {
    /// A header as text, if it is there and printable.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }

    /// Whether the status is one of success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Why no whole response came back.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendFault {
    /// No connection: name not resolved, refused, TLS not verified, proxy unreachable.
    #[error("no connection: {0}")]
    Connect(String),
    /// The attempt was not done in its time.
    #[error("no answer within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// The connection ended before the response did, or what came is no HTTP.
    #[error("connection lost: {0}")]
    Cut(String),
    /// The body is beyond [`MAX_RESPONSE_BYTES`].
    #[error("the response is larger than {} MiB", MAX_RESPONSE_BYTES / (1024 * 1024))]
    TooLarge,
    /// It could not be sent at all: no usable certificates, or a request that HTTP cannot carry.
    #[error("{0}")]
    Setup(String),
}

/// Sends one request once. It neither retries nor follows redirects, so that no key travels to another host.
pub trait Transport: Send + Sync {
    /// Gets ready to send, so that the first attempt's latency is the provider's and not our own.
    fn open(&self) {}

    /// Sends `request` and reads the whole response within `timeout`.
    ///
    /// # Errors
    /// Whenever no whole response came back. A response with a status of failure is no error here.
    fn send(
        &self,
        request: HttpRequest,
        timeout: Duration,
    ) -> impl Future<Output = Result<HttpResponse, SendFault>> + Send;
}
