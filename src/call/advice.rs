//! What the headers of a failed response say about trying again.

use super::wire::HttpResponse;
use std::time::{Duration, SystemTime};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::fault::tests::response;

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
}
