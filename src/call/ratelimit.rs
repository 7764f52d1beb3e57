//! The provider's own rate-limit headers, read.

use super::wire::HttpResponse;
use std::time::{Duration, SystemTime};

/// A provider that says it is empty for longer than this is asked again after it.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

/// Headers that hold what is left, and when it is full again.
const FAMILIES: [(&str, &str); 6] = [
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
    ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
];

/// How long to send nothing because something has run out, up to a minute; `None` when nothing has.
///
/// OpenAI writes resets as durations (`12ms`, `6m0s`), Anthropic as RFC 3339 times, which are compared with
/// the response's own `date` where it has one, so that a clock that is wrong here does not matter.
pub fn hold(response: &HttpResponse, now: SystemTime) -> Option<Duration> {
    FAMILIES
        .iter()
        .filter(|(remaining, _)| response.header(remaining) == Some("0"))
        .filter_map(|(_, reset)| until(response.header(reset)?, response, now))
        .max()
        .filter(|hold| !hold.is_zero())
        .map(|hold| hold.min(LONGEST_HOLD))
}

fn until(reset: &str, response: &HttpResponse, now: SystemTime) -> Option<Duration> {
    if let Ok(time) = reset.parse::<jiff::Timestamp>() {
        let date = response.header("date").and_then(|date| httpdate::parse_http_date(date).ok());
        return Some(SystemTime::from(time).duration_since(date.unwrap_or(now)).unwrap_or_default());
    }
    duration(reset)
}

/// A duration as OpenAI writes it: `12ms`, `1s`, `6m0s`, `1h2m3.5s`; a bare number is seconds.
fn duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let word = &rest[digits..];
        let end = word.find(|c: char| c.is_ascii_digit()).unwrap_or(word.len());
        total += number
            * match &word[..end] {
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = &word[end..];
    }
    Duration::try_from_secs_f64(total).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::fault::tests::response;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    #[test]
    fn durations_are_read_as_the_vendor_writes_them() {
        let ms = |text| duration(text).map(|duration| duration.as_millis());
        assert_eq!(ms("12ms"), Some(12));
        assert_eq!(ms("6m0s"), Some(360_000));
        assert_eq!(ms("1h2m3.5s"), Some(3_723_500));
        assert_eq!(ms("7"), Some(7_000));
        assert_eq!(ms("-1"), None);
        assert_eq!(ms("5 parsecs"), None);
        assert_eq!(ms("5"), Some(5_000));
        assert_eq!(ms("ms"), None);
    }

    #[test]
    fn nothing_is_held_while_something_is_left() {
        let left = [("x-ratelimit-remaining-requests", "1"), ("x-ratelimit-reset-requests", "9s")];
        assert_eq!(hold(&response(200, &left, ""), NOW), None);
        assert_eq!(hold(&response(200, &[("x-ratelimit-remaining-requests", "0")], ""), NOW), None);
    }

    #[test]
    fn what_has_run_out_holds_until_its_reset_and_a_minute_at_most() {
        let gone = [
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "250ms"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "2s"),
        ];
        assert_eq!(hold(&response(200, &gone, ""), NOW), Some(Duration::from_secs(2)));
        let long = [("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0s")];
        assert_eq!(hold(&response(429, &long, ""), NOW), Some(LONGEST_HOLD));
    }

    #[test]
    fn a_reset_time_is_compared_with_the_date_of_the_response() {
        let headers = [
            ("anthropic-ratelimit-output-tokens-remaining", "0"),
            ("anthropic-ratelimit-output-tokens-reset", "2026-04-15T12:00:10Z"),
            ("date", "Wed, 15 Apr 2026 12:00:03 GMT"),
        ];
        assert_eq!(hold(&response(200, &headers, ""), NOW), Some(Duration::from_secs(7)));
        assert_eq!(hold(&response(200, &headers[..2], ""), NOW), Some(LONGEST_HOLD));
        let passed = NOW + Duration::from_secs(4_000_000_000);
        assert_eq!(hold(&response(200, &headers[..2], ""), passed), None);
    }
}
