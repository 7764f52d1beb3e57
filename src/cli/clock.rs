//! The clock, read at this edge alone.

use jiff::Timestamp;

/// Now.
pub fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the edge that reads the clock")]
    let now = std::time::SystemTime::now();
    Timestamp::try_from(now).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Now as RFC 3339 in UTC, to the millisecond.
pub fn rfc3339() -> String {
    format!("{:.3}", now())
}

/// Today's date in UTC, ISO 8601.
pub fn today() -> String {
    now().strftime("%Y-%m-%d").to_string()
}
